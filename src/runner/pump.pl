# Carries bytes both ways between pairs of sockets, in one process however many there are.
use strict;
use warnings;
use Socket qw(:all);
use Errno qw(EAGAIN EINTR);

# Read size; nothing more is read for an end that has not taken what is there. Of 64 KiB to 2 MiB this was the fastest.
my $PIECE = 1024 * 1024;
# By file number: the socket, its other end, what it is still to be sent, whether it may still say something (`open`), how many
# bytes of that count where not all do (`left`), and whether it has been told that nothing more will come (`told`).
my %ends;

sub pair {
    my @two = map { { socket => $_, out => '', open => 1, told => 0 } } @_;
    for my $end (@two) {
        $end->{socket}->blocking(0);
        $end->{other} = $end == $two[0] ? $two[1] : $two[0];
        $ends{fileno $end->{socket}} = $end;
    }
}

sub part {
    my ($end) = @_;
    delete $ends{fileno $_->{socket}} and close $_->{socket} for $end->{other}, $end;
    # They name each other, which would keep both for ever.
    delete $end->{other}{other};
    delete $end->{other};
}

# Sends what is held. False where the pair is no more.
sub flush_end {
    my ($end) = @_;
    if (length $end->{out}) {
        my $sent = syswrite $end->{socket}, $end->{out};
        if (defined $sent) {
            substr $end->{out}, 0, $sent, '';
        } elsif ($! != EAGAIN && $! != EINTR) {
            part($end);
            return 0;
        }
    }
    my $other = $end->{other};
    if (!$other->{open} && !$end->{told} && !length $end->{out}) {
        shutdown $end->{socket}, SHUT_WR;
        $end->{told} = 1;
    }
    if ($end->{told} && $other->{told}) {
        part($end);
        return 0;
    }
    return 1;
}

sub fetch {
    my ($end) = @_;
    my $other = $end->{other};
    my $got = sysread $end->{socket}, $other->{out}, $PIECE, length $other->{out};
    if (!defined $got) {
        part($end) if $! != EAGAIN && $! != EINTR;
        return;
    }
    $end->{open} = 0 if !$got;
    if (defined $end->{left}) {
        my $excess = $got - $end->{left};
        substr $other->{out}, -$excess, $excess, '' if $excess > 0;
        $end->{left} = $excess > 0 ? 0 : -$excess;
    }
    flush_end($other);
}

# Waits until something can be done and does it; returns those of the further files `@_` that can be read.
sub turn {
    my ($read, $write) = ('', '');
    vec($read, fileno $_, 1) = 1 for @_;
    for my $number (keys %ends) {
        my $end = $ends{$number};
        vec($read, $number, 1) = 1 if $end->{open} && !length $end->{other}{out};
        vec($write, $number, 1) = 1 if length $end->{out};
    }
    return if select($read, $write, undef, undef) < 0;
    for my $number (keys %ends) {
        my $end = $ends{$number} or next;
        next if vec($write, $number, 1) && !flush_end($end);
        fetch($end) if vec $read, $number, 1;
    }
    return grep { vec $read, fileno $_, 1 } @_;
}
