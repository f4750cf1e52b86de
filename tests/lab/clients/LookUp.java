// SPDX-License-Identifier: BSD-2-Clause
// LookUp NAME: prints what Java's InetAddress finds for NAME, and which names it finds for that.

import java.net.InetAddress;

public class LookUp {
    public static void main(String[] arguments) throws Exception {
        for (InetAddress address : InetAddress.getAllByName(arguments[0])) {
            String name = InetAddress.getByAddress(address.getAddress()).getCanonicalHostName();
            System.out.println(address.getHostAddress() + " " + name);
        }
    }
}
