//! Opening a state folder: whose it is, what it holds, and what is refused.

use crate::story::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use syncdeck::model::{JobControl, LetterState, Paused, RunEnd, Selection, Sequence};
use syncdeck::store::{LetterMove, Options, Store, StoreError};

fn open(folder: &Path) -> Result<Store, StoreError> {
    Store::open(folder, &Options::default())
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("it is there").permissions().mode() & 0o777
}

/// Ends a store as kill -9 would: nothing is closed, only the lock goes.
async fn state_after_a_crash(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    std::fs::copy(folder.join("state.redb"), copy.path().join("state.redb")).expect("copied");
    copy
}

// Row 113 of the fault matrix.
#[tokio::test]
async fn the_folder_and_its_files_are_for_their_owner_alone() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("deep/state");
    let store = open(&folder).expect("opened");
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("state.redb")), 0o600);
    assert_eq!(mode(&folder.join("engine.json")), 0o600);
    store.close().await;

    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).expect("ours");
    std::fs::set_permissions(folder.join("state.redb"), PermissionsExt::from_mode(0o644)).expect("ours");
    let store = open(&folder).expect("opened");
    assert_eq!((mode(&folder), mode(&folder.join("state.redb"))), (0o700, 0o600));
    store.close().await;
}

// Row 15 of the fault matrix.
#[tokio::test]
async fn who_comes_second_is_told_who_holds_the_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("opened");
    let refused = open(folder.path()).err().expect("it is held");
    let pid = std::process::id();
    assert!(
        matches!(&refused, StoreError::InUse { holder, .. } if holder.starts_with(&format!("pid {pid}, started ")))
    );
    assert!(refused.to_string().contains(" by "), "{refused}");
    assert!(refused.hint().is_some());

    store.close().await;
    assert!(!folder.path().join("engine.json").exists());
    let store = open(folder.path()).expect("it is free again");
    drop(store);
    open(folder.path()).expect("a dropped store gives up the lock too");
}

// Row 17 of the fault matrix.
#[tokio::test]
async fn a_holder_file_that_a_crash_left_behind_is_no_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    open(folder.path()).expect("opened").close().await;
    std::fs::write(folder.path().join("engine.json"), r#"{"pid":1,"started_at":"x"}"#).expect("written");
    let store = open(folder.path()).expect("nobody holds it");
    let told = std::fs::read_to_string(folder.path().join("engine.json")).expect("written anew");
    assert!(told.contains(&format!(r#""pid":{}"#, std::process::id())), "{told}");
    store.close().await;
}

#[tokio::test]
async fn everything_is_there_after_closing_and_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("opened");
    let (run, epoch) = begin(&store, "customers").await;
    let dead = vec![letter(&store, &run, 1, 5, "refused"), letter(&store, &run, 2, 5, "refused")];
    store.commit_page(page_of_letters(&run, epoch, dead)).await.expect("saved");
    store.commit_page(page(&run, epoch, 0, 10)).await.expect("saved");
    let control =
        JobControl { paused: Some(Paused { by: ana(), since: at(4), reason: None }), ..JobControl::default() };
    store.set_control(&run.job, control.clone(), Some(note("pause"))).await.expect("saved");
    store.finish_run(run.id, RunEnd::Done, at(7)).await.expect("ended");
    store.close().await;
    let late = store.commit_page(page(&run, epoch, 10, 10)).await.expect_err("it is closed");
    assert!(matches!(late, StoreError::Disk(_)), "{late}");

    let store = open(folder.path()).expect("opened");
    assert_eq!(store.control(&run.job).await.expect("read"), control);
    assert_eq!(store.link_count(&run.job).await.expect("read"), 10);
    assert_eq!(store.letters_waiting(&run.job).await.expect("read"), 2);
    assert_eq!(store.reserve_letters(1).0, 3);
    assert_eq!(store.journal(None, 9).await.expect("read").len(), 1);
    let (next, next_epoch) = begin(&store, "customers").await;
    assert!(run.id < next.id && epoch < next_epoch);
    let saved = store.commit_page(page(&next, next_epoch, 10, 10)).await.expect("saved");
    assert_eq!(saved.checkpoint.expect("it moved").sequence, Sequence(3));
    store.close().await;
}

// Row 6 of the fault matrix.
#[tokio::test]
async fn a_run_that_a_crash_cut_off_is_interrupted_and_its_pages_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("opened");
    let (run, epoch) = begin(&store, "customers").await;
    let dead = vec![letter(&store, &run, 1, 5, "refused")];
    let id = dead[0].letter.id;
    store.commit_page(page_of_letters(&run, epoch, dead)).await.expect("saved");
    store.move_letters(&Selection::Ids(vec![id]), LetterMove::Retry, note("retry")).await.expect("moved");

    let crashed = state_after_a_crash(folder.path()).await;
    let after = open(crashed.path()).expect("repaired");
    let told = after.runs(None, None, 1).await.expect("read").remove(0);
    assert_eq!((told.end, told.ended_at), (Some(RunEnd::Interrupted), Some(at(1))));
    assert_eq!((told.counts.errored, told.checkpoint), (1, Some(Sequence(1))));
    let state = after.letter(id).await.expect("read").expect("it is kept").state;
    assert!(matches!(state, LetterState::Retrying { .. }), "{state:?}");
    let refused = after.commit_page(page(&run, epoch, 0, 1)).await.expect_err("that run is over");
    assert!(matches!(refused, StoreError::StaleEpoch { .. }), "{refused}");
    after.close().await;
}

// Row 10 of the fault matrix.
#[tokio::test]
async fn what_is_no_state_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.redb");
    let store = open(folder.path()).expect("opened");
    let (run, epoch) = begin(&store, "customers").await;
    store.commit_page(page(&run, epoch, 0, 1_000)).await.expect("saved");
    store.close().await;
    let whole = std::fs::read(&path).expect("read");

    let half = whole[..whole.len() / 2].to_vec();
    let mut other = whole.clone();
    other[..64].fill(0x5a);
    for content in [Vec::new(), b"not a state at all".to_vec(), vec![0; 1 << 20], half, other, whole[..500].to_vec()] {
        std::fs::write(&path, &content).expect("written");
        let refused = open(folder.path()).err().expect("it is damaged");
        assert!(matches!(&refused, StoreError::Damaged { path: named, .. } if *named == path), "{refused:?}");
        assert!(refused.hint().is_some());
        assert!(std::fs::read(&path).expect("read") == content, "{} bytes were changed", content.len());
        assert!(!folder.path().join("engine.json").exists());
    }
    std::fs::write(&path, &whole).expect("written");
    assert_eq!(open(folder.path()).expect("opened").link_count(&run.job).await.expect("read"), 1_000);
}

#[tokio::test]
async fn another_programs_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(redb::Database::create(folder.path().join("state.redb")).expect("made"));
    let refused = open(folder.path()).err().expect("not ours");
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused:?}");
}

// Row 10 of the fault matrix.
#[tokio::test]
async fn a_state_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    open(folder.path()).expect("opened").close().await;
    let database = redb::Database::open(folder.path().join("state.redb")).expect("opened");
    let transaction = database.begin_write().expect("begun");
    let meta = redb::TableDefinition::<&str, u64>::new("meta");
    transaction.open_table(meta).expect("opened").insert("format", 99).expect("written");
    transaction.commit().expect("saved");
    drop(database);
    let refused = open(folder.path()).err().expect("newer");
    assert!(matches!(refused, StoreError::TooNew { found: 99, .. }), "{refused:?}");
    assert!(refused.hint().is_some());
}

// Row 14 of the fault matrix.
#[tokio::test]
async fn a_folder_that_can_not_be_used_is_named() {
    let outer = tempfile::tempdir().expect("a folder");
    let blocked = outer.path().join("a file");
    std::fs::write(&blocked, "in the way").expect("written");
    let refused = open(&blocked).err().expect("a file is no folder");
    assert!(matches!(&refused, StoreError::Folder { folder, .. } if *folder == blocked), "{refused:?}");
    assert!(refused.to_string().contains("a file"), "{refused}");
    assert!(refused.hint().is_some());
}

#[tokio::test]
async fn a_draft_that_a_crash_left_behind_is_no_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let draft = folder.path().join(format!("state.redb.{}.new", std::process::id()));
    std::fs::write(&draft, "half a file").expect("written");
    let store = open(folder.path()).expect("made anew");
    assert!(!draft.exists());
    store.close().await;
}

#[tokio::test]
async fn a_state_that_is_mostly_free_is_compacted_when_it_is_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("opened");
    let (run, epoch) = begin(&store, "customers").await;
    let dead = |store: &Store| {
        let mut new = letter(store, &run, 1, 5, "refused");
        let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(8 << 20));
        new.letter.source = syncdeck::model::RawJson::from_trusted(long);
        vec![new]
    };
    let new = dead(&store);
    let id = new[0].letter.id;
    store.commit_page(page_of_letters(&run, epoch, new)).await.expect("saved");
    let failed = vec![failed_again(&run, id, 5, "refused", 20)];
    store.commit_page(retry_page(&run, epoch, Vec::new(), failed)).await.expect("saved");
    let path = folder.path().join("state.redb");
    let before = path.metadata().expect("it is there").len();
    store.close().await;
    let after = path.metadata().expect("it is there").len();
    assert!(8 << 20 < before && after < before / 2, "{before} bytes became {after}");
    let store = open(folder.path()).expect("opened");
    assert_eq!(store.letters_waiting(&run.job).await.expect("read"), 1);
    store.close().await;
}
