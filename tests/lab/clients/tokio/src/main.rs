// SPDX-License-Identifier: BSD-2-Clause
// The client of README.md for tokio: several threads share one edge-triggered epoll.

use std::io;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

async fn connect_all(place: &str) -> io::Result<Vec<TcpStream>> {
    let attempts: Vec<_> = (0..20)
        .map(|_| {
            let place = place.to_string();
            tokio::spawn(async move { TcpStream::connect(place).await })
        })
        .collect();
    let mut connections = Vec::new();
    for attempt in attempts {
        connections.push(attempt.await.expect("a task panicked")?);
    }
    Ok(connections)
}

async fn echo(number: usize, connection: TcpStream) -> bool {
    let (reader, mut writer) = connection.into_split();
    let sent = format!("{number}\n");
    let mut line = String::new();
    writer.write_all(sent.as_bytes()).await.is_ok()
        && BufReader::new(reader).read_line(&mut line).await.is_ok()
        && line == sent
}

#[tokio::main(worker_threads = 4)]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let place = format!("{}:{}", arguments[1], arguments[2]);
    let connections = match connect_all(&place).await {
        Ok(connections) => connections,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return println!("ECONNREFUSED"),
        Err(error) => return println!("{error}"),
    };
    let answers: Vec<_> = connections
        .into_iter()
        .enumerate()
        .map(|(number, connection)| tokio::spawn(echo(number, connection)))
        .collect();
    let mut right = 0;
    for answer in answers {
        right += usize::from(answer.await.expect("a task panicked"));
    }
    println!("{right}");
}
