# SPDX-License-Identifier: BSD-2-Clause
# The client of README.md for Tcl, whose notifier waits in a thread of its own.
lassign $argv host port
set sockets {}
set connected 0
set answered 0
set right 0

proc when_connected {socket} {
    set error [fconfigure $socket -error]
    if {$error ne ""} {
        # Tcl gives the text only.
        puts [expr {$error eq "connection refused" ? "ECONNREFUSED" : $error}]
        exit 0
    }
    fileevent $socket writable {}
    if {[incr ::connected] == 20} send_all
}

proc send_all {} {
    set number 0
    foreach socket $::sockets {
        fconfigure $socket -blocking 0 -buffering line
        fileevent $socket readable [list when_answered $socket $number]
        puts $socket $number
        incr number
    }
}

proc when_answered {socket number} {
    if {[gets $socket line] < 0} {
        if {![eof $socket]} return
        set line "the end"
    }
    incr ::right [expr {$line eq $number}]
    close $socket
    incr ::answered
}

for {set number 0} {$number < 20} {incr number} {
    set socket [socket -async $host $port]
    lappend sockets $socket
    fileevent $socket writable [list when_connected $socket]
}
while {$answered < 20} {vwait answered}
puts $right
