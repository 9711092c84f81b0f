# The door of a sandbox: an HTTP proxy on a Unix socket, in a container of its own, that lets through what its rules say and keeps
# count of all that knocks. It lives while its standard input is open; with an argument, while somebody holds a connection to the
# socket of that name in its folder.
#
# `rules` in its folder, looked at anew for every caller:
#   allow NAME PORT     a name, `*.NAME` for those below it, or an address; PORT may be `*`, and so may NAME
#   block NAME PORT     the same, and comes first
#   never ADDRESS/BITS  where no name may lead, only the address itself where it is allowed
#   proxy URL, forward PORT   for the agent to know
#   never neighbours    nor into the networks that this container is on itself
# `knocks` there, and its standard output when it ends:
#   allowed|denied COUNT HOST PORT REASON
# Before that it says `open` there, once it is. `policy.json` is what the agent may read of the rules; HUP says that they have
# changed, and ends all connections.
#
# The addresses that a name has are looked at, and of them one is connected to: no second look-up can say something else.
use POSIX 'WNOHANG';

my $FOLDER = '/run/ringfence';
my $LONGEST_HEAD = 64 * 1024;
# Lines of each verdict: who is refused a lot hides nothing of what was let through.
my $MOST_HOSTS = 500;
my $MOST_CALLERS = 512;
my $NAME = qr/[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]/;

my $news;

sub report {
    # In one write, which a pipe keeps together.
    syswrite $news, join(' ', @_) . "\n";
}

sub answer {
    my ($caller, $status, $text) = @_;
    my $length = length($text) + 1;
    syswrite $caller, "HTTP/1.1 $status\r\nContent-Type: text/plain\r\nContent-Length: $length\r\nConnection: close\r\n\r\n$text\n";
    exit;
}

sub deny {
    my ($caller, $host, $port, $reason, $text) = @_;
    report('denied', $host, $port, $reason);
    answer($caller, '403 Forbidden', "ringfence: denied: $text; $FOLDER/policy.json says what may be reached");
}

# The bytes of an address; nothing for a name.
sub bytes_of {
    my ($text) = @_;
    $text =~ s/^\[(.*)\]$/$1/;
    return inet_pton($text =~ /:/ ? AF_INET6 : AF_INET, $text);
}

# Whether a resolver takes it for what the rules take it for. Some read an address in what ends in a number (127.1, 0x7f.1, a
# single number), and drop more dots than one at its end.
sub is_host {
    my ($host) = @_;
    return 1 if defined bytes_of($host);
    my @labels = split /\./, $host, -1;
    return @labels && $labels[-1] !~ /^[0-9]/ && !grep { !/\A[a-z0-9_][a-z0-9_-]{0,62}\z/ } @labels;
}

# What a mapped address is to the kernel.
sub mapped {
    my ($bytes) = @_;
    return $bytes =~ /^\0{10}\xff\xff/s && length $bytes == 16 ? substr $bytes, 12 : $bytes;
}

# An IPv4 address in an IPv6 one is the IPv4 address: mapped, compatible, by NAT64, by 6to4.
sub plain {
    my ($bytes) = @_;
    return $bytes if length $bytes == 4;
    return substr $bytes, 12 if $bytes =~ /^\0{10}(?:\xff\xff|\0\0)/s && substr($bytes, 0, 15) ne "\0" x 15;
    return substr $bytes, 12 if $bytes =~ /^\0\x64\xff\x9b\0{8}/s;
    return substr $bytes, 2, 4 if $bytes =~ /^\x20\x02/;
    return $bytes;
}

sub is_in {
    my ($bytes, $network) = @_;
    my ($address, $bits) = split m{/}, $network;
    my $start = bytes_of($address) // return 0;
    return length $start == length $bytes && substr(unpack('B*', $bytes), 0, $bits) eq substr(unpack('B*', $start), 0, $bits);
}

sub lines {
    open my $file, '<', $_[0] or return;
    return <$file>;
}

# This container's own addresses, those of its gateways, and the names that the engine gave to its host: [always, neighbours].
sub inward {
    my (@never, @neighbours);
    for (lines('/etc/hosts')) {
        my ($address) = /^([0-9A-Fa-f:.]+)\s/ or next;
        push @never, $address =~ /:/ ? "$address/128" : "$address/32";
    }
    for (lines('/proc/net/route')) {
        my (undef, $to, $gateway, undef, undef, undef, undef, $mask) = split;
        next if $to !~ /^[0-9A-F]{8}$/;
        # As the kernel prints them: numbers in this machine's own order.
        ($to, $gateway, $mask) = map { pack 'L', hex } $to, $gateway, $mask;
        my $bits = unpack('B*', $mask) =~ tr/1//;
        push @never, inet_ntoa($gateway) . '/32' if $gateway ne "\0" x 4;
        push @neighbours, inet_ntoa($to) . "/$bits" if $gateway eq "\0" x 4 && $bits;
    }
    for (lines('/proc/net/ipv6_route')) {
        my ($to, $bits, undef, undef, $gateway) = split;
        ($to, $gateway) = map { inet_ntop(AF_INET6, pack 'H*', $_) } $to, $gateway;
        push @never, "$gateway/128" if $gateway ne '::';
        push @neighbours, "$to/" . hex $bits if $gateway eq '::' && hex $bits;
    }
    return (\@never, \@neighbours);
}

my ($ours, $neighbours) = inward();

sub rules {
    my (@allow, @block, @never);
    for (lines("$FOLDER/rules")) {
        push @allow, [$1, $2] if /^allow (\S+) (\S+)$/;
        push @block, [$1, $2] if /^block (\S+) (\S+)$/;
        push @never, $1 eq 'neighbours' ? @$neighbours : $1 if /^never (\S+)$/;
    }
    return (\@allow, \@block, [@never, @$ours]);
}

# Nothing in the rules needs to be quoted in JSON: they were checked when they were made.
sub published {
    my ($allow, $block) = rules();
    my $list = sub {
        my %ports;
        push @{ $ports{$_->[0]} }, $_->[1] eq '*' ? '"*"' : $_->[1] for @_;
        return join ', ', map { qq({"host": "$_", "ports": [) . join(', ', sort @{ $ports{$_} }) . ']}' } sort keys %ports;
    };
    my $open = grep { "@$_" eq '* *' } @$allow;
    my ($proxy) = map { /^proxy (\S+)$/ } lines("$FOLDER/rules");
    my $forwards = join ', ', map { /^forward (\d+)$/ ? qq("127.0.0.1:$1") : () } lines("$FOLDER/rules");
    return join ",\n  ", '{"schema": "ringfence.policy/1"', '"network": "' . ($open ? 'open' : 'allow-list') . '"',
        qq("proxy": "$proxy"), '"allow": [' . $list->(grep { "@$_" ne '* *' } @$allow) . ']',
        '"block": [' . $list->(@$block) . ']', qq("forwards": [$forwards]),
        qq("note": "Only HTTP and HTTPS through the proxy lead out. Ask your user for another host: --allow-host HOST"}\n);
}

sub publish {
    open my $file, '>', "$FOLDER/policy.new" or die "$FOLDER/policy.json: $!\n";
    print $file published();
    close $file and rename "$FOLDER/policy.new", "$FOLDER/policy.json" or die "$FOLDER/policy.json: $!\n";
}

# What of the rules fits. Addresses are the same where they are the same `$to`.
sub fits {
    my ($rules, $host, $port, $to) = @_;
    my $address = bytes_of($host);
    for (@$rules) {
        my ($name, $number) = @$_;
        next if $number ne '*' && $number != $port;
        return 'any' if $name eq '*';
        my $rule = bytes_of($name);
        if (defined $rule || defined $address) {
            return 'address' if defined $rule && defined $address && $to->($rule) eq $to->($address);
        } elsif ($name =~ s/^\*//) {
            return 'name' if length $host > length $name && substr($host, -length $name) eq $name;
        } else {
            return 'name' if $host eq $name;
        }
    }
    return;
}

# What is allowed is that very address; what is blocked, whatever leads there.
sub allowed { return fits(@_, \&mapped) }
sub blocked { return fits(@_, \&plain) }

sub head_of {
    my ($caller) = @_;
    my $text = '';
    until ($text =~ /\r\n\r\n/) {
        my $got = sysread $caller, $text, 4096, length $text;
        exit if !$got;
        answer($caller, '431 Request Header Fields Too Large', 'ringfence: the head is too long') if length $text > $LONGEST_HEAD;
    }
    return split /(?<=\r\n\r\n)/, $text, 2;
}

sub reach {
    my ($caller, $host, $port, $by, $block, $never) = @_;
    (my $bare = $host) =~ s/^\[(.*)\]$/$1/;
    my ($error, @found) = getaddrinfo($bare, $port, { socktype => SOCK_STREAM, protocol => IPPROTO_TCP });
    answer($caller, '502 Bad Gateway', "ringfence: $host has no address ($error)") if $error;
    for my $one ($by eq 'address' ? () : @found) {
        my (undef, $bytes) = $one->{family} == AF_INET ? unpack_sockaddr_in($one->{addr}) : unpack_sockaddr_in6($one->{addr});
        my $bytes_plain = plain($bytes);
        my $address = inet_ntop($one->{family}, $bytes);
        deny($caller, $host, $port, 'blocked', "$host leads to $address, which is blocked") if blocked($block, $address, $port);
        my ($hit) = grep { is_in($bytes_plain, $_) } @$never;
        next if !defined $hit;
        deny($caller, $host, $port, 'inward', "$host leads to $address, which belongs to this machine or its network");
    }
    report('allowed', $host, $port, 'listed');
    for my $one (@found) {
        socket my $to, $one->{family}, $one->{socktype}, $one->{protocol} or next;
        local $SIG{ALRM} = sub { };
        alarm 15;
        my $there = connect $to, $one->{addr};
        alarm 0;
        setsockopt $to, SOL_SOCKET, SO_KEEPALIVE, 1;
        return $to if $there;
    }
    answer($caller, '502 Bad Gateway', "ringfence: $host:$port does not answer ($!)");
}

sub serve {
    my ($caller) = @_;
    alarm 60;
    my ($head, $rest) = head_of($caller);
    alarm 0;
    my ($line, @fields) = split /\r\n/, $head;
    my ($method, $target) = $line =~ m{\A([A-Z]{1,20}) ([\x21-\x7e]+) HTTP/1\.[01]\z};
    my ($host, $port, $path);
    if (defined $method && $method eq 'CONNECT') {
        ($host, $port) = $target =~ /\A($NAME):([0-9]{1,5})\z/;
    } elsif (defined $method && $target =~ m{\Ahttp://($NAME)(?::([0-9]{1,5}))?(/.*)?\z}i) {
        ($host, $port, $path) = ($1, $2 // 80, $3 // '/');
    }
    deny($caller, '?', 0, 'malformed', 'not a request to a proxy') if !defined $host;
    $host = lc $host;
    $host =~ s/\.\z//;
    $port += 0;
    deny($caller, $host, 0, 'malformed', "$port is no port") if $port < 1 || $port > 65535;
    deny($caller, length $host ? $host : '?', $port, 'malformed', "$host is no host's name, nor an address as such are written") if !is_host($host);
    my ($allow, $block, $never) = rules();
    deny($caller, $host, $port, 'blocked', "$host:$port is blocked") if blocked($block, $host, $port);
    my $by = allowed($allow, $host, $port);
    deny($caller, $host, $port, 'unlisted', "$host:$port is not on the allow-list") if !$by;

    my (@kept, %seen);
    for (@fields) {
        my ($name, $value) = /\A([A-Za-z0-9!#\$%&'*+.^_`|~-]+):[ \t]*([^\0-\x08\x0a-\x1f\x7f]*?)[ \t]*\z/
            or deny($caller, $host, $port, 'malformed', 'a header field is malformed');
        my $key = lc $name;
        if ($key =~ /^(?:host|content-length|transfer-encoding)$/) {
            deny($caller, $host, $port, 'malformed', "$name is there twice") if exists $seen{$key};
            $seen{$key} = $value;
        }
        if ($key eq 'host') {
            my ($named, $at) = lc($value) =~ /\A($NAME?)(?::([0-9]{1,5}))?\z/;
            $named =~ s/\.\z// if defined $named;
            deny($caller, $host, $port, 'mismatch', "the Host header is not $host:$port") if ($named // '') ne $host || ($at // $port) != $port;
        }
        push @kept, $_ if $key !~ /^(?:proxy-.*|connection|keep-alive|upgrade|host)$/;
    }
    my ($length, $coding) = @seen{'content-length', 'transfer-encoding'};
    deny($caller, $host, $port, 'malformed', 'its length is malformed')
        if defined $length && ($length !~ /\A[0-9]{1,15}\z/ || defined $coding);
    if (defined $path && defined $coding) {
        # Where its body ends is not looked for, and behind it could be a request with another host's name.
        report('denied', $host, $port, 'endless');
        answer($caller, '411 Length Required', 'ringfence: denied: a body without a Content-Length: say it, or use HTTPS');
    }

    my $to = reach($caller, $host, $port, $by, $block, $never);
    pair($caller, $to);
    my ($here, $there) = @ends{fileno $caller, fileno $to};
    $there->{out} = $rest // '';
    if (defined $path) {
        # One request, one connection: what follows could be a request with another host's name.
        $there->{out} = substr $there->{out}, 0, $length // 0;
        $here->{left} = ($length // 0) - length $there->{out};
        my $authority = $port == 80 ? $host : "$host:$port";
        my $head = join "\r\n", "$method $path HTTP/1.1", "Host: $authority", @kept, 'Connection: close', '', '';
        $there->{out} = $head . $there->{out};
    } else {
        $here->{out} = "HTTP/1.1 200 Connection established\r\n\r\n";
    }
    turn() while %ends;
    exit;
}

# By verdict, host, port and reason; `%lines` how many of them there are of a verdict.
my (%count, %lines);

sub table {
    return join '', map { my ($verdict, $rest) = split / /, $_, 2; "$verdict $count{$_} $rest\n" } sort keys %count;
}

sub note {
    for (split /\n/, $_[0]) {
        my ($verdict) = split / /;
        my $key = exists $count{$_} || ($lines{$verdict} // 0) < $MOST_HOSTS ? $_ : "$verdict ? 0 others";
        $lines{$verdict}++ if !$count{$key}++;
    }
    open my $file, '>', "$FOLDER/knocks.new" or return;
    print $file table();
    close $file and rename "$FOLDER/knocks.new", "$FOLDER/knocks";
}

# What was counted before this container was stopped.
sub remember {
    for (lines("$FOLDER/knocks")) {
        my ($verdict, $number, $rest) = /^(allowed|denied) (\d+) (.+)$/ or next;
        $count{"$verdict $rest"} = $number;
        $lines{$verdict}++;
    }
}

sub listener {
    my ($name) = @_;
    socket my $socket, AF_UNIX, SOCK_STREAM, 0 or die "socket: $!\n";
    unlink "$FOLDER/$name.new";
    bind $socket, pack_sockaddr_un("$FOLDER/$name.new") or die "$FOLDER/$name: $!\n";
    chmod 0666, "$FOLDER/$name.new";
    listen $socket, 1024 or die "listen: $!\n";
    rename "$FOLDER/$name.new", "$FOLDER/$name" or die "$FOLDER/$name: $!\n";
    return $socket;
}

# Those that serve a caller each, by number: nobody else gets it before we have waited for them. And how often the rules changed.
my %serving;
my $changes = 0;

sub reap {
    while ((my $gone = waitpid -1, WNOHANG) > 0) { delete $serving{$gone} }
}

sub attend {
    my ($caller, @others) = @_;
    if (keys %serving >= $MOST_CALLERS) {
        syswrite $caller, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return;
    }
    my $before = $changes;
    my $child = fork // return;
    if ($child) {
        $serving{$child} = 1;
        # It may have begun under the old rules, before it was in the list.
        kill KILL => $child if $changes != $before;
        return;
    }
    $SIG{$_} = 'DEFAULT' for qw(HUP ALRM);
    close $_ for @others;
    serve($caller);
}

$SIG{PIPE} = 'IGNORE';
$SIG{TERM} = sub { exit };
$SIG{HUP} = sub {
    publish();
    $changes++;
    kill KILL => keys %serving;
};
pipe my $heard, $news or die "pipe: $!\n";
publish();
remember();
my $life = @ARGV ? listener($ARGV[0]) : \*STDIN;
my $door = listener('door');
syswrite STDOUT, "open\n";
my %holders;
if (@ARGV) {
    # Nobody came for it.
    $SIG{ALRM} = sub { exit if !%holders };
    alarm 120;
}
while (1) {
    reap();
    for my $ready (turn($heard, $life, $door, values %holders)) {
        if ($ready == $heard) {
            note($_) if sysread $heard, $_, 1 << 16;
        } elsif ($ready == $door) {
            accept my $caller, $door or next;
            attend($caller, $heard, $life, $door, values %holders);
        } elsif ($ready == $life && @ARGV) {
            accept my $holder, $life or next;
            $holders{fileno $holder} = $holder;
        } elsif (!sysread $ready, my $nothing, 4096) {
            next if delete $holders{fileno $ready} && %holders;
            $heard->blocking(0);
            while (sysread $heard, $_, 1 << 16) { note($_) }
            print table();
            exit;
        }
    }
}
