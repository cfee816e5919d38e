//! The real binary and the simulator as processes, driven from outside.

use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that anything here may take before the test says what it waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `is_so`, asking every millisecond.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The simulated shop and CRM in a process of their own; it ends with this value.
pub struct Simulator {
    process: Child,
    /// `http://127.0.0.1:…`
    pub shop: String,
    pub crm: String,
}

impl Simulator {
    pub fn start(records: u64, seed: u64) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_syncdeck"))
            .args(["simulator", "--faults", "none", "--records", &records.to_string(), "--seed", &seed.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().expect("its output is read here"));
        stdout.read_line(&mut line).expect("it says where it listens");
        let told: Value = serde_json::from_str(&line).expect("one line of JSON");
        let address = |side: &str| told[side].as_str().expect("an address").to_owned();
        Self { process, shop: address("shop"), crm: address("crm") }
    }

    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, &body.to_string())
    }

    /// A change in the shop, such as `contacts/edit`.
    pub fn act(&self, action: &str) {
        self.ask("POST", &format!("/sim/shop/{action}"), "");
    }

    /// Replaces the script of faults.
    pub fn faults(&self, rules: &Value) {
        self.post("/sim/faults", &serde_json::json!({ "rules": rules }));
    }

    /// Requests to the shop and to the CRM so far.
    pub fn requests(&self) -> [u64; 2] {
        let told = self.get("/sim/requests");
        ["source", "destination"].map(|side| told[side].as_u64().expect("a number"))
    }

    /// All records of a collection of a side, `source` or `destination`, by id, each as its text stands there.
    pub fn collection(&self, side: &str, name: &str) -> BTreeMap<String, Box<RawValue>> {
        let text = self.text("GET", &format!("/sim/collection/{side}/{name}"), "");
        serde_json::from_str(&text).expect("records by id")
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        serde_json::from_str(&self.text(method, path, body)).expect("the workshop answers with JSON")
    }

    fn text(&self, method: &str, path: &str, body: &str) -> String {
        let address = self.shop.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the simulator listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes a timeout");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("the simulator reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the simulator answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        body.to_owned()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may be gone already; there is nobody to tell then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder with a `syncdeck.toml`, as a person has one.
pub struct Workspace {
    folder: TempDir,
}

impl Drop for Workspace {
    /// Keeps the folder for whoever looks into a failure.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("configuration, state and logs are kept in {}", self.folder.path().display());
        }
    }
}

/// What a command left behind.
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The one JSON document of the output.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    /// The documents of an output with one a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"));
        self.stdout.lines().map(read).collect()
    }

    /// Fails where the command ended with another status than `status`.
    #[track_caller]
    pub fn ended(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}\n── stdout ──\n{}\n── stderr ──\n{}", self.status, self.stdout, self.stderr)
    }
}

impl Workspace {
    pub fn new(config: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("syncdeck-").tempdir().expect("a folder");
        let workspace = Self { folder };
        std::fs::write(workspace.path("syncdeck.toml"), config).expect("a configuration");
        workspace
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `syncdeck` with these words, in the folder, with nothing of the tester's own settings.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncdeck"));
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_clear().env("USER", "tester").env("HOME", self.folder.path()).env("PATH", "/usr/bin:/bin");
        command
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        finished(&mut self.command(words))
    }
}

/// Runs a command to its end.
pub fn finished(command: &mut Command) -> Ran {
    let output = command.output().expect("the command starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("only text is printed");
    Ran { status: code(output.status), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The exit status; 1000 and the signal's number for a process that a signal ended.
pub fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 1_000 + status.signal().unwrap_or_default())
}
