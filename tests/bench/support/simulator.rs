//! The simulated systems in a process of their own, so that their work is not counted as ours.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

pub struct Simulator {
    child: Child,
    pub shop: String,
    pub crm: String,
}

/// What a side counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    pub reads: u64,
    pub writes: u64,
    pub throttled: u64,
}

impl Simulator {
    /// Starts both systems with nothing in them.
    pub fn start() -> Self {
        let mut child = Command::new(super::syncdeck())
            .args(["simulator", "--records", "0", "--port", "0", "--faults", "none"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program under measure");
        let mut line = String::new();
        let out = child.stdout.take().expect("it was piped");
        BufReader::new(out).read_line(&mut line).expect("a line that names both addresses");
        let told: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let text = |name: &str| told[name].as_str().expect("an address").to_owned();
        Self { shop: text("shop"), crm: text("crm"), child }
    }

    /// Adds records to a collection of the shop.
    pub fn fill(&self, collection: &str, records: u64) {
        self.call("POST", &format!("/sim/shop/{collection}/fill?n={records}"), "");
    }

    /// Sets latency and limits of the CRM.
    pub fn order(&self, order: &serde_json::Value) {
        self.call("POST", "/sim/faults", &order.to_string());
    }

    pub fn counted(&self) -> Counted {
        let told: serde_json::Value =
            serde_json::from_str(&self.call("GET", "/sim/audit", "")).expect("the audit is JSON");
        let number = |place: &str| told.pointer(place).and_then(serde_json::Value::as_u64).unwrap_or(0);
        Counted {
            reads: number("/source/requests"),
            writes: number("/destination/requests"),
            throttled: number("/destination/throttled"),
        }
    }

    /// The records that the CRM holds in a collection.
    pub fn held(&self, collection: &str) -> u64 {
        let told: serde_json::Value =
            serde_json::from_str(&self.call("GET", "/sim/audit", "")).expect("the audit is JSON");
        told["destination"]["collections"][collection]["records"].as_u64().unwrap_or(0)
    }

    fn call(&self, method: &str, path: &str, body: &str) -> String {
        let host = self.crm.trim_start_matches("http://");
        let mut socket = TcpStream::connect(host).expect("the simulator listens");
        let length = body.len();
        write!(
            socket,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .expect("a request is sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer of text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        body.to_owned()
    }

    /// Requests a second that it answers to a loop that only writes and reads bytes, sixteen connections at once.
    pub fn capacity(&self, requests: u64) -> f64 {
        const CONNECTIONS: u64 = 16;
        const AT_ONCE: u64 = 8;
        let host = self.crm.trim_start_matches("http://").to_owned();
        let body = "x".repeat(450);
        let started = Instant::now();
        std::thread::scope(|scope| {
            for place in 0..CONNECTIONS {
                let (host, body) = (&host, &body);
                scope.spawn(move || {
                    let mut socket = TcpStream::connect(host).expect("the simulator listens");
                    socket.set_nodelay(true).expect("a socket option");
                    let mut answers = Answers::default();
                    for round in 0..requests / CONNECTIONS / AT_ONCE {
                        let mut text = Vec::with_capacity(8 << 10);
                        for n in 0..AT_ONCE {
                            let id = (place * requests + round * AT_ONCE + n) % 10_000;
                            let length = body.len() + 2;
                            write!(
                                text,
                                "PUT /v2/capacity/{id} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
                                 Content-Length: {length}\r\n\r\n\"{body}\""
                            )
                            .expect("memory takes whatever is written");
                        }
                        socket.write_all(&text).expect("requests are sent");
                        answers.wait_for(&mut socket, AT_ONCE);
                    }
                });
            }
        });
        requests as f64 / started.elapsed().as_secs_f64()
    }
}

/// Counts the heads of answers, whose bodies hold no empty line.
#[derive(Default)]
struct Answers {
    seen: u64,
    end: u8,
}

impl Answers {
    fn wait_for(&mut self, socket: &mut TcpStream, n: u64) {
        let wanted = self.seen + n;
        let mut bytes = [0; 16 << 10];
        while self.seen < wanted {
            let n = socket.read(&mut bytes).expect("answers are read");
            assert!(n != 0, "the simulator closed the connection");
            for byte in &bytes[..n] {
                self.end = match (byte, self.end) {
                    (b'\r', end @ (0 | 2)) => end + 1,
                    (b'\n', end @ (1 | 3)) => end + 1,
                    _ => 0,
                };
                if self.end == 4 {
                    self.seen += 1;
                    self.end = 0;
                }
            }
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // Nothing of it outlives the benchmark; whether it ended by itself makes no difference.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
