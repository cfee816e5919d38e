//! The ways out of the house for alerts: a program that is run, or an address that is posted to.

use crate::connect::notify::Post;
use crate::engine::Carrier;
use crate::model::{Alert, Hook, HookWay};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// What of a program's complaint is read, in bytes.
const COMPLAINT_MAX: u64 = 4 << 10;

/// The way that a hook's alerts go; the reason when there is none.
pub(super) fn carrier(hook: &Hook) -> Result<Carrier, String> {
    let timeout = hook.timeout;
    match &hook.way {
        HookWay::Command(words) => {
            let words = words.clone();
            Ok(Arc::new(move |alert| {
                let words = words.clone();
                Box::pin(async move { run(&words, json(&alert)?, timeout).await })
            }))
        }
        HookWay::Url(url) => {
            let post = Post::new(url, timeout)?;
            Ok(Arc::new(move |alert| {
                let post = post.clone();
                Box::pin(async move { post.send(json(&alert)?).await })
            }))
        }
    }
}

fn json(alert: &Alert) -> Result<Vec<u8>, String> {
    serde_json::to_vec(alert).map_err(|error| error.to_string())
}

/// Runs a program without a shell, with the alert as its standard input. One that takes too long is killed.
async fn run(words: &[String], alert: Vec<u8>, timeout: Duration) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("it names no program")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("`{program}` can not be run: {error}"))?;
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let told = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read what it is told may still do its work.
            let _ = stdin.write_all(&alert).await;
        }
        let mut complaint = Vec::new();
        if let Some(stderr) = stderr {
            let _ = stderr.take(COMPLAINT_MAX).read_to_end(&mut complaint).await;
        }
        child.wait().await.map(|status| (status, complaint))
    };
    match tokio::time::timeout(timeout, told).await {
        Err(_) => Err(format!("`{program}` did not end within {} s", timeout.as_secs_f64())),
        Ok(Err(error)) => Err(format!("`{program}`: {error}")),
        Ok(Ok((status, _))) if status.success() => Ok(()),
        Ok(Ok((status, complaint))) => {
            let complaint = String::from_utf8_lossy(&complaint);
            let first = complaint.lines().next().unwrap_or_default();
            Err(format!("`{program}` ended with {status}: {first}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AlertEvent, FindingKind, FindingTarget, Level, Secret, Timestamp};
    use tokio::net::TcpListener;

    fn alert() -> Alert {
        Alert {
            event: AlertEvent::Began,
            workspace: "acme".to_owned(),
            at: Timestamp(1_772_461_927_000),
            kind: FindingKind::NeedsAttention,
            level: Level::Error,
            text: "customers stopped: crm answered 401".to_owned(),
            hint: "renew the token".to_owned(),
            target: FindingTarget::Job("customers".into()),
        }
    }

    fn hook(way: HookWay, timeout: Duration) -> Hook {
        Hook { name: "pager".to_owned(), on: vec![FindingKind::NeedsAttention], over: true, timeout, way }
    }

    async fn told(way: HookWay, timeout: Duration) -> Result<(), String> {
        carrier(&hook(way, timeout)).expect("a way")(alert()).await
    }

    fn shell(script: &str) -> HookWay {
        HookWay::Command(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    #[tokio::test]
    async fn a_program_gets_the_alert_on_its_standard_input() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("got.json");
        let script = format!("cat > '{}'", file.display());
        assert_eq!(told(shell(&script), Duration::from_secs(20)).await, Ok(()));
        let got: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).expect("it is there")).expect("one JSON document");
        assert_eq!((&got["event"], &got["kind"]), (&"began".into(), &"needs_attention".into()));
        assert_eq!(got["text"], "customers stopped: crm answered 401");
        assert_eq!(got["target"]["job"], "customers");
    }

    #[tokio::test]
    async fn a_program_that_fails_hangs_or_is_not_there_is_told_and_ended() {
        let soon = Duration::from_secs(20);
        let failed = told(shell("echo no pager >&2; exit 3"), soon).await.expect_err("it fails");
        assert!(failed.ends_with("exit status: 3: no pager"), "{failed}");
        let hung = told(shell("exec sleep 600"), Duration::from_millis(100)).await.expect_err("it hangs");
        assert_eq!(hung, "`sh` did not end within 0.1 s");
        let missing =
            told(HookWay::Command(vec!["/no/such/pager".to_owned()]), soon).await.expect_err("it is not there");
        assert!(missing.starts_with("`/no/such/pager` can not be run: "), "{missing}");
    }

    /// Answers one request with `status`; returns the address and what was asked.
    async fn server(status: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}/hook/s3cret", listener.local_addr().expect("an address"));
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut got = Vec::new();
            let mut buffer = [0; 4096];
            while !String::from_utf8_lossy(&got).contains("\"target\"") {
                let n = stream.read(&mut buffer).await.expect("bytes");
                got.extend_from_slice(&buffer[..n]);
            }
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("an answer");
            String::from_utf8_lossy(&got).into_owned()
        });
        (address, asked)
    }

    #[tokio::test]
    async fn an_address_gets_the_alert_as_json_and_its_refusal_is_told_without_the_address() {
        let soon = Duration::from_secs(20);
        let (address, asked) = server("204 No Content").await;
        assert_eq!(told(HookWay::Url(Secret::new(address)), soon).await, Ok(()));
        let asked = asked.await.expect("a request");
        assert!(asked.starts_with("POST /hook/s3cret HTTP/1.1\r\n"), "{asked}");
        assert!(asked.to_lowercase().contains("content-type: application/json"), "{asked}");
        assert!(asked.contains(r#""kind":"needs_attention""#), "{asked}");
        let (address, _asked) = server("500 Oh").await;
        let refused = told(HookWay::Url(Secret::new(address)), soon).await.expect_err("it is refused");
        assert_eq!(refused, "it answered 500 Internal Server Error");
    }
}
