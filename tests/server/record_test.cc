// SPDX-License-Identifier: BSD-2-Clause
#include "tests/server/record.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/raw_client.h"
#include "tests/server/record_json.h"
#include "tests/server/test_server.h"

namespace socksify::testserver {
namespace {

using namespace std::string_literals;

TEST(RecordTest, HoldsWhatTheClientAskedFor) {
  TestServer server;
  server.AddEcho("echo.test");
  server.AddScript("echo.test", "reply.trailing=abc");
  const std::string handshake =
      "\x05\x02\0\x02"s + Socks5Credentials("alice", "s\xff") + Socks5Request("Echo.Test", 7);
  {
    server.SetCredentials("alice", "s\xff");
    RawClient client(server.endpoints().front());
    ASSERT_TRUE(client.Send(handshake));
    ASSERT_EQ(client.Read(17).substr(14), "abc");
    // Seen before the connection is over.
    ASSERT_EQ(server.requests().size(), 1U);
    EXPECT_EQ(server.requests()[0].outcome, "connected");
    EXPECT_FALSE(server.requests()[0].finished);
    ASSERT_TRUE(client.Send("hello"));
    ASSERT_EQ(client.Read(5), "hello");
  }
  ASSERT_TRUE(server.WaitForFinished(1));
  const RequestRecord record = server.requests()[0];
  EXPECT_TRUE(record.finished);
  EXPECT_EQ(record.protocol, "socks5");
  EXPECT_EQ(record.user, "alice");
  EXPECT_EQ(record.password, "s\xff");
  EXPECT_EQ(record.command, 1);
  EXPECT_EQ(record.address_type, AddressType::kName);
  EXPECT_EQ(record.host, "Echo.Test");
  EXPECT_EQ(record.port, 7);
  EXPECT_EQ(record.reply_code, 0);
  EXPECT_EQ(record.raw, handshake);
  EXPECT_EQ(record.bytes_from_client, 5U);
  EXPECT_EQ(record.bytes_to_client, 8U);
  EXPECT_EQ(record.peak_connections, 1U);
  EXPECT_EQ(record.listener, "127.0.0.1:" + std::to_string(server.port()));
}

TEST(RecordTest, TellsSocks4From4a) {
  TestServer server;
  server.AddDiscard("192.0.2.1");
  server.AddDiscard("web.test");
  for (const char* host : {"192.0.2.1", "web.test"}) {
    RawClient client(server.endpoints().front());
    ASSERT_TRUE(client.Send(Socks4Request(host, 80, "bob")));
    ASSERT_EQ(client.Read(8).size(), 8U);
  }
  const std::vector<RequestRecord> requests = server.requests();
  EXPECT_EQ(requests[0].protocol, "socks4");
  EXPECT_EQ(requests[0].address_type, AddressType::kV4);
  EXPECT_EQ(requests[0].host, "192.0.2.1");
  EXPECT_EQ(requests[0].user, "bob");
  EXPECT_EQ(requests[1].protocol, "socks4a");
  EXPECT_EQ(requests[1].address_type, AddressType::kName);
  EXPECT_EQ(requests[1].host, "web.test");
}

TEST(RecordTest, NotesAClientThatLeaves) {
  TestServer server;
  {
    const RawClient client(server.endpoints().front());
  }
  ASSERT_TRUE(server.WaitForFinished(1));
  EXPECT_EQ(server.requests()[0].outcome, "client left");
  EXPECT_EQ(server.requests()[0].protocol, "");
}

TEST(RecordTest, ReportsFinishedConnections) {
  std::vector<std::string> outcomes;  // written by the server's thread, read after it has ended
  TestServer server(
      {.on_finished = [&](const RequestRecord& record) { outcomes.push_back(record.outcome); }});
  RawClient client(server.endpoints().front());
  ASSERT_TRUE(client.Send("?"));
  EXPECT_EQ(client.ReadToEnd(), "");
  server.Stop();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0], "malformed: first byte 63");
}

TEST(RecordTest, BecomesOneLineOfJson) {
  RequestRecord record;
  record.id = 3;
  record.client = "127.0.0.1:40000";
  record.listener = "127.0.0.1:1080";
  record.protocol = "socks5";
  record.methods = {0, 2};
  record.method = 2;
  record.user = "al\"ice\n";
  record.password = "\xff";
  record.command = 1;
  record.address_type = AddressType::kName;
  record.host = "web.test";
  record.port = 80;
  record.reply_code = 0;
  record.outcome = "connected";
  record.raw = "\x05\xff";
  record.bytes_from_client = 1;
  record.bytes_to_client = 2;
  record.peak_connections = 4;
  EXPECT_EQ(ToJsonLine(record, true),
            R"({"id":3,"client":"127.0.0.1:40000","listener":"127.0.0.1:1080","protocol":"socks5",)"
            R"("methods":[0,2],"method":2,"user":"al\"ice\n","password":")"
            "\xef\xbf\xbd"
            R"(","command":"connect","type":"name","host":"web.test","port":80,"reply":0,)"
            R"("outcome":"connected","bytes_from_client":1,"bytes_to_client":2,"peak_connections":4,)"
            R"("raw":"05ff"})"
            "\n");
  EXPECT_EQ(ToJsonLine(RequestRecord(), false),
            R"({"id":0,"client":"","listener":"","outcome":"","bytes_from_client":0,"bytes_to_client":0,)"
            R"("peak_connections":0})"
            "\n");
}

TEST(RecordTest, ListsTheDatagramsOfAnAssociation) {
  RequestRecord record;
  record.outcome = "associated";
  record.command = 3;
  record.address_type = AddressType::kV4;
  record.host = "0.0.0.0";
  record.datagrams_from_client = 7;
  record.datagrams_to_client = 8;
  record.ignored_datagrams = 9;
  record.datagrams.push_back(
      {.address_type = AddressType::kName, .host = "dns.test", .port = 53, .size = 100, .head = "\x01\xff"});
  record.datagrams.push_back(
      {.address_type = AddressType::kV6, .host = "2001:db8::1", .port = 1, .size = 0, .head = ""});
  EXPECT_EQ(ToJsonLine(record, false),
            R"({"id":0,"client":"","listener":"","command":"udp associate","type":"v4","host":"0.0.0.0",)"
            R"("port":0,"outcome":"associated","bytes_from_client":0,"bytes_to_client":0,)"
            R"("datagrams_from_client":7,"datagrams_to_client":8,"ignored_datagrams":9,"datagrams":[)"
            R"({"type":"name","host":"dns.test","port":53,"size":100,"head":"01ff"},)"
            R"({"type":"v6","host":"2001:db8::1","port":1,"size":0,"head":""}],"peak_connections":0})"
            "\n");
}

TEST(RecordTest, TellsWhatBecameOfABind) {
  RequestRecord record;
  record.outcome = "accepted";
  record.command = 2;
  record.address_type = AddressType::kV4;
  record.host = "0.0.0.0";
  record.reply_code = 0;
  record.bound = "127.0.0.1:40000";
  record.second_code = 0;
  record.peers = {"127.0.0.1:40001"};
  EXPECT_EQ(ToJsonLine(record, false),
            R"({"id":0,"client":"","listener":"","command":"bind","type":"v4","host":"0.0.0.0","port":0,)"
            R"("reply":0,"bound":"127.0.0.1:40000","second_reply":0,"peers":["127.0.0.1:40001"],)"
            R"("outcome":"accepted","bytes_from_client":0,"bytes_to_client":0,"peak_connections":0})"
            "\n");
}

TEST(RecordTest, TellsOfAnHttpClient) {
  RequestRecord record;
  record.protocol = "http";
  record.user = "alice";
  record.auth = "digest";
  record.algorithm = "SHA-256";
  record.requests = 2;
  record.command = 1;
  record.address_type = AddressType::kName;
  record.host = "web.test";
  record.port = 80;
  record.reply_code = 200;
  record.outcome = "connected";
  EXPECT_EQ(ToJsonLine(record, false),
            R"({"id":0,"client":"","listener":"","protocol":"http","user":"alice","auth":"digest",)"
            R"("algorithm":"SHA-256","requests":2,"command":"connect","type":"name","host":"web.test",)"
            R"("port":80,"reply":200,"outcome":"connected","bytes_from_client":0,"bytes_to_client":0,)"
            R"("peak_connections":0})"
            "\n");
}

TEST(RecordTest, KeepsDatagramsThatWereStored) {
  RecordBook book;
  RequestRecord record;
  record.id = book.Open();
  book.StoreDatagrams(record, {DatagramRecord{.host = "one"}});
  record.outcome = "associated";
  book.Store(record);
  book.StoreDatagrams(record, {DatagramRecord{.host = "two"}});
  book.Finish(record);
  const RequestRecord stored = book.records()[0];
  EXPECT_EQ(stored.outcome, "associated");
  ASSERT_EQ(stored.datagrams.size(), 2U);
  EXPECT_EQ(stored.datagrams[0].host, "one");
  EXPECT_EQ(stored.datagrams[1].host, "two");
}

}  // namespace
}  // namespace socksify::testserver
