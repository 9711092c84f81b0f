# In the agent's container: `PORT=SOCKET...` makes each Unix socket the service at 127.0.0.1:PORT. Returns once those can be reached
# that are written `PORT=?SOCKET`, and stays behind in the background. `hold=SOCKET` as well: stays in the foreground, and holds a
# connection to that one.
my (%sockets, @listeners, @awaited, $hold);
for (@ARGV) {
    if (s/^hold=//) {
        $hold = $_;
        next;
    }
    my ($port, $path) = split /=/, $_, 2;
    push @awaited, $path if $path =~ s/^\?//;
    for my $address (pack_sockaddr_in($port, INADDR_LOOPBACK), pack_sockaddr_in6($port, IN6ADDR_LOOPBACK)) {
        socket my $listener, sockaddr_family($address), SOCK_STREAM, 0 or next;
        setsockopt $listener, SOL_SOCKET, SO_REUSEADDR, 1;
        if (bind($listener, $address) && listen $listener, 1024) {
            push @listeners, $listener;
            $sockets{$listener} = $path;
        } elsif (sockaddr_family($address) == AF_INET) {
            # Loopback often has no IPv6 in a container.
            die "127.0.0.1:$port cannot be listened on: $!\n";
        }
    }
}

sub reach {
    socket my $to, AF_UNIX, SOCK_STREAM, 0 or return;
    return connect($to, pack_sockaddr_un($_[0])) ? $to : undef;
}

# The supervisor's lifeline: whoever is to end does not wait for a door.
my $lifeline;
$hold || open $lifeline, '<&=', 3 or undef $lifeline;
for my $path (@awaited) {
    my $tries = 1500;
    until (reach($path)) {
        $tries-- or die "$path does not answer: $!\n";
        my $read = '';
        vec($read, 3, 1) = 1 if $lifeline;
        die "ended while $path did not answer\n" if select($read, undef, undef, 0.02) > 0;
    }
}
close $lifeline if $lifeline;
$SIG{PIPE} = 'IGNORE';
my $held = $hold && (reach($hold) // die "$hold does not answer: $!\n");
if (!$hold) {
    exit if fork // die "fork: $!\n";
    open $_, '+<', '/dev/null' for *STDIN, *STDOUT, *STDERR;
    # A run that is asked to end keeps its network until it has ended.
    $SIG{$_} = 'IGNORE' for qw(HUP INT TERM);
}
while (1) {
    for my $listener (turn(@listeners)) {
        accept my $caller, $listener or next;
        my $to = reach($sockets{$listener}) or next;
        pair($caller, $to);
    }
}
