# SPDX-License-Identifier: BSD-2-Clause
"""The programs that run under socksify, each with a server it talks to and what it must then print."""

import dataclasses
import sys

from servers import ECHO_PORT, HELLO, ssh

PERL = f"""
use IO::Socket::INET;
my $socket = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => {ECHO_PORT}, Timeout => 20) or die "$@\\n";
print $socket "hello\\n"; print scalar <$socket>;
"""
PYTHON = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())"
BASH = f'exec 3<>"/dev/tcp/$1/{ECHO_PORT}" && echo hello >&3 && read -r line <&3 && echo "$line"'


@dataclasses.dataclass(frozen=True)
class Program:
    """A program, its command line ({host} and {scratch} are replaced), and the output that proves success."""

    name: str
    server: str
    words: tuple
    output: str
    stdin: str = ""
    commands: tuple = ()            # What has to be installed, when it is not the first word; a path means a file.
    artifact: str = ""              # A file under {scratch} that holds `output`, instead of standard output.
    keep: str = ""                  # A regular expression: only the lines of the output that it finds count.
    connections: int = 1            # It makes as many connections, or more.

    def argv(self, host: str, scratch) -> list[str]:
        return [str(word).replace("{host}", host).replace("{scratch}", str(scratch)) for word in self.words]

    def needed_commands(self) -> tuple:
        return self.commands or (self.words[0],)


PROGRAMS = [
    Program("curl", "web", ("curl", "-sS", "--max-time", "20", "http://{host}/hello.txt"), HELLO),
    Program("wget", "web", ("wget", "-nv", "-T", "20", "-t", "1", "-O", "-", "http://{host}/hello.txt"), HELLO),
    Program("git clone", "web", ("git", "clone", "-q", "http://{host}/repository.git", "{scratch}/clone"), HELLO,
            artifact="clone/hello.txt"),
    Program("ssh", "sshd", tuple(ssh("-o", "ConnectTimeout=20", "root@{host}", "echo hello")), "hello\n"),
    Program("python3 urllib", "web", (sys.executable, "-c", PYTHON, "http://{host}/hello.txt"), HELLO),
    Program("lftp", "ftp", ("lftp", "-c", "set net:timeout 20; set net:max-retries 1; set ftp:passive-mode yes; "
                            "cat ftp://{host}/hello.txt"), HELLO),
    # Not nc -N: microsocks ends both directions when its client half-closes. QUIT makes the server end it.
    Program("nc", "redis", ("nc", "-w", "20", "{host}", "6379"), "+PONG\n+OK\n", stdin="PING\nQUIT\n"),
    Program("redis-cli", "redis", ("redis-cli", "-h", "{host}", "ping"), "PONG\n"),
    Program("perl", "echo", ("perl", "-e", PERL, "{host}"), "hello\n"),
    Program("bash /dev/tcp", "echo", ("bash", "-c", BASH, "bash", "{host}"), "hello\n"),
]


def program(name: str) -> Program:
    return next(program for program in PROGRAMS if program.name == name)
