// SPDX-License-Identifier: BSD-2-Clause
// The client of README.md for Java's non-blocking SocketChannel and Selector.

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

public class EchoSelector {
    private static final int CONNECTIONS = 20;

    private static final class Connection {
        final String sent;
        String received = "";

        Connection(int number) {
            sent = number + "\n";
        }
    }

    private final Selector selector = Selector.open();
    private int connected;
    private int answered;
    private int right;

    private EchoSelector(InetSocketAddress where) throws IOException {
        for (int number = 0; number < CONNECTIONS; number++) {
            SocketChannel channel = SocketChannel.open();
            channel.configureBlocking(false);
            // Registered before it connects.
            SelectionKey key = channel.register(selector, SelectionKey.OP_CONNECT, new Connection(number));
            if (channel.connect(where)) {
                onConnected(key);
            }
        }
    }

    private void onConnected(SelectionKey key) {
        key.interestOps(0);
        if (++connected == CONNECTIONS) {
            selector.keys().forEach(every -> every.interestOps(SelectionKey.OP_WRITE));
        }
    }

    private void onReady(SelectionKey key) throws IOException {
        SocketChannel channel = (SocketChannel) key.channel();
        Connection connection = (Connection) key.attachment();
        if (key.isConnectable()) {
            if (channel.finishConnect()) {
                onConnected(key);
            }
        } else if (key.isWritable()) {
            channel.write(ByteBuffer.wrap(connection.sent.getBytes(StandardCharsets.US_ASCII)));
            key.interestOps(SelectionKey.OP_READ);
        } else if (key.isReadable()) {
            ByteBuffer buffer = ByteBuffer.allocate(100);
            int count = channel.read(buffer);
            connection.received += new String(buffer.array(), 0, Math.max(count, 0), StandardCharsets.US_ASCII);
            if (count < 0 || connection.received.endsWith("\n")) {
                answered++;
                right += connection.received.equals(connection.sent) ? 1 : 0;
                channel.close();
            }
        }
    }

    private int run() throws IOException {
        while (answered < CONNECTIONS) {
            selector.select();
            for (SelectionKey key : selector.selectedKeys()) {
                onReady(key);
            }
            selector.selectedKeys().clear();
        }
        return right;
    }

    public static void main(String[] arguments) throws IOException {
        try {
            InetSocketAddress where = new InetSocketAddress(arguments[0], Integer.parseInt(arguments[1]));
            System.out.println(new EchoSelector(where).run());
        } catch (ConnectException error) {
            boolean refused = error.getMessage().startsWith("Connection refused");
            System.out.println(refused ? "ECONNREFUSED" : error.getMessage());
        }
    }
}
