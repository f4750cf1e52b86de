# SPDX-License-Identifier: BSD-2-Clause
# The client of README.md for perl's four-argument select, by way of IO::Select.
use strict;
use warnings;
use Errno qw(EINPROGRESS);
use IO::Handle;
use IO::Select;
use Socket;

my ($host, $port) = @ARGV;
my $address = inet_aton($host) or die "no address for $host\n";

sub fail {
    my ($number) = @_;
    $! = $number;
    print((grep { $!{$_} } keys %!)[0], "\n");
    exit 0;
}

my (@sockets, %number_of);
my $pending = IO::Select->new;
for my $number (0 .. 19) {
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
    $socket->blocking(0);
    connect($socket, sockaddr_in($port, $address)) or $!{EINPROGRESS} or fail($! + 0);
    push @sockets, $socket;
    $number_of{$socket} = $number;
    $pending->add($socket);
}
while ($pending->count) {
    for my $socket ($pending->can_write(20)) {
        my $error = unpack("i", getsockopt($socket, SOL_SOCKET, SO_ERROR));
        fail($error) if $error;
        $pending->remove($socket);
    }
}
syswrite($sockets[$_], "$_\n") for 0 .. 19;
my $unanswered = IO::Select->new(@sockets);
my ($right, %text) = (0);
while ($unanswered->count) {
    for my $socket ($unanswered->can_read(20)) {
        sysread($socket, $text{$socket}, 100, length($text{$socket} // ''));
        next unless $text{$socket} =~ /\n/;
        $right++ if $text{$socket} eq "$number_of{$socket}\n";
        $unanswered->remove($socket);
    }
}
print "$right\n";
