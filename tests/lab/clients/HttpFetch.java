// SPDX-License-Identifier: BSD-2-Clause
// HttpFetch URL: twenty requests at once by Java's HttpClient; prints how many brought something, and one page.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

public class HttpFetch {
    public static void main(String[] arguments) {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0])).build();
        List<CompletableFuture<String>> answers = IntStream.range(0, 20)
                .mapToObj(number -> client.sendAsync(request, HttpResponse.BodyHandlers.ofString())
                        .thenApply(HttpResponse::body))
                .toList();
        List<String> pages = answers.stream().map(CompletableFuture::join).toList();
        System.out.println(pages.stream().filter(pages.get(0)::equals).count());
        System.out.print(pages.get(0));
    }
}
