//! The socket itself: who may reach it, what was there before, what becomes of those who are attached.

use crate::desk::{Desk, End, PATIENCE, customers, done};
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use syncdeck::control::socket::{ConnectError, Door, Remote, Signature};
use syncdeck::control::{Attachment, Request};
use syncdeck::engine::Start;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn ops() -> Signature {
    Signature { name: "ops".to_owned(), door: Door::Command }
}

fn mode(path: &std::path::Path) -> u32 {
    fs::symlink_metadata(path).expect("it is there").permissions().mode() & 0o777
}

async fn attachment(remote: &Remote, is_so: impl Fn(&Attachment) -> bool) -> Attachment {
    let mut attachment = remote.attachment();
    let found = tokio::time::timeout(PATIENCE, attachment.wait_for(|now| is_so(now))).await;
    found.expect("in time").expect("somebody follows").clone()
}

#[tokio::test]
async fn the_socket_is_its_owner_s_alone_and_goes_away_at_the_end() {
    let mut desk = Desk::open().await;
    assert_eq!((mode(&desk.socket()), mode(desk.folder())), (0o600, 0o700));
    let others: Vec<_> = fs::read_dir(desk.folder()).expect("a folder").filter_map(Result::ok).collect();
    assert!(others.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("control.sock.")), "no drafts");
    desk.server.take().expect("it listens").stop().await;
    assert!(!desk.socket().exists());
    let error = Remote::connect(desk.folder(), ops()).await.err();
    assert_eq!(error, Some(ConnectError::Nobody(desk.folder().to_owned())));
}

// Row 112 of the fault matrix.
#[tokio::test]
async fn a_socket_that_a_crash_left_is_recognised_and_replaced() {
    let mut desk = Desk::closed("state").await;
    // Its listener is gone without having taken it away.
    drop(UnixListener::bind(desk.socket()).expect("a socket"));
    assert!(desk.socket().symlink_metadata().expect("it is left").file_type().is_socket());
    let error = Remote::connect(desk.folder(), ops()).await.err();
    assert_eq!(error, Some(ConnectError::Nobody(desk.folder().to_owned())));
    desk.listen();
    assert_eq!(mode(&desk.socket()), 0o600);
    desk.remote("ops").await;
}

#[tokio::test]
async fn a_link_in_the_socket_s_place_is_replaced_and_what_it_names_is_not_touched() {
    let mut desk = Desk::closed("state").await;
    let precious = desk.home().join("precious");
    fs::write(&precious, "kept").expect("a file");
    symlink(&precious, desk.socket()).expect("a link");
    desk.listen();
    assert_eq!(fs::read_to_string(&precious).expect("still there"), "kept");
    desk.remote("ops").await;
}

#[tokio::test]
async fn what_is_no_socket_is_left_alone() {
    let desk = Desk::closed("state").await;
    fs::write(desk.socket(), "mine").expect("a file");
    let error = desk.server().err().expect("no socket").to_string();
    assert!(error.contains("move it away"), "{error}");
    assert_eq!(fs::read_to_string(desk.socket()).expect("still there"), "mine");
}

#[tokio::test]
async fn a_state_folder_may_have_a_path_longer_than_a_socket_s() {
    let mut desk = Desk::closed(&format!("{}/{}", "long".repeat(30), "path".repeat(30))).await;
    desk.engine.start(Start::service()).await;
    desk.listen();
    assert!(desk.socket().as_os_str().len() > 200);
    assert_eq!(mode(&desk.socket()), 0o600, "it is where it belongs");
    let handle = desk.handle(End::Socket, "ops").await;
    assert_eq!(done(&handle, Request::Trigger { jobs: customers() }).await.expect("an answer").changed, 1);
}

#[tokio::test]
async fn another_user_is_turned_away() {
    let desk = Desk::open().await;
    if !rustix::process::geteuid().is_root() {
        // Only root can be somebody else; that our own processes are let in is seen in every other test.
        eprintln!("not root: that another user is turned away was NOT tested");
        return;
    }
    // Everything in the way of the other user is opened, so that only the look at who asks is left.
    for folder in [desk.home(), desk.folder()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).expect("root may");
    }
    fs::set_permissions(desk.socket(), fs::Permissions::from_mode(0o666)).expect("root may");
    let socket = desk.socket();
    let output = tokio::process::Command::new("curl")
        .args(["--silent", "--write-out", " %{http_code}", "--unix-socket"])
        .arg(&socket)
        .arg("http://engine/jobs")
        .uid(65_534)
        .current_dir("/")
        .output()
        .await
        .expect("curl");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.ends_with(" 403") && text.contains("only that user and root may ask it"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_does_not_answer_is_given_up_after_three_seconds() {
    let desk = Desk::closed("state").await;
    // It listens, and takes nothing.
    let _listener = UnixListener::bind(desk.socket()).expect("a socket");
    let started = tokio::time::Instant::now();
    let error = Remote::connect(desk.folder(), ops()).await.err();
    assert_eq!(error, Some(ConnectError::Silent(desk.folder().to_owned())));
    assert_eq!(started.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn an_engine_of_another_protocol_is_said_to_be_one() {
    let desk = Desk::closed("state").await;
    let listener = tokio::net::UnixListener::bind(desk.socket()).expect("a socket");
    let newer = async {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut asked = [0; 4096];
        let n = stream.read(&mut asked).await.expect("a request");
        assert!(String::from_utf8_lossy(&asked[..n]).contains("syncdeck-protocol: 1"));
        let body = r#"{"error":"the engine is syncdeck 9.0.0 with protocol 2, not 1"}"#;
        let head =
            format!("HTTP/1.1 426 Upgrade Required\r\nsyncdeck-protocol: 2\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("an answer");
    };
    let (error, ()) = tokio::join!(Remote::connect(desk.folder(), ops()), newer);
    let error = error.err().expect("no common language");
    assert_eq!(error, ConnectError::Protocol("the engine is syncdeck 9.0.0 with protocol 2, not 1".to_owned()));
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn an_engine_that_ends_says_so_and_one_that_comes_back_is_found() {
    let mut desk = Desk::open().await;
    let remote = desk.remote("ops").await;
    let last = remote.watch().borrow().clone();
    desk.server.take().expect("it listens").stop().await;
    let lost = attachment(&remote, |now| !now.is_there()).await;
    assert!(matches!(&lost, Attachment::Lost(loss) if loss.was_told), "{lost:?}");
    assert_eq!(remote.watch().borrow().jobs, last.jobs, "its last word stays");
    let refusal = remote.ask(Request::Trigger { jobs: customers() }).await.expect_err("nobody is there");
    assert!(refusal.hint.is_some(), "{refusal}");
    desk.listen();
    attachment(&remote, Attachment::is_there).await;
    assert!(remote.ask(Request::Journal { before: None, limit: 1 }).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_stays_away_is_given_up_after_ten_tries() {
    let mut desk = Desk::open().await;
    let remote = desk.remote("ops").await;
    desk.server.take().expect("it listens").stop().await;
    let gone = attachment(&remote, |now| matches!(now, Attachment::Gone(_))).await;
    let Attachment::Gone(loss) = gone else { panic!("it was waited for") };
    assert_eq!((loss.tries, loss.host.user.as_str()), (10, "keeper"));
}

#[tokio::test]
async fn a_screen_that_does_not_read_holds_nobody_up() {
    let desk = Desk::open().await;
    let mut silent = tokio::net::UnixStream::connect(desk.socket()).await.expect("somebody listens");
    silent.write_all(b"GET /events HTTP/1.1\r\nhost: engine\r\n\r\n").await.expect("a request");
    let handle = desk.handle(End::Socket, "ops").await;
    for _ in 0..20 {
        done(&handle, Request::Pause { jobs: customers(), reason: None }).await.expect("a pause");
        done(&handle, Request::Resume { jobs: customers() }).await.expect("a resume");
    }
    crate::desk::until(&handle, |job| job.run.is_none()).await;
}
