//! Dead letters: listed from indexes, counted once, never lost, never changed but by adding.

use crate::story::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use syncdeck::model::cause;
use syncdeck::model::{DeadLetterId, GroupId, LetterFilter, LetterPlace, LetterState, Run, Selection, Timestamp};
use syncdeck::store::{LetterMove, NewLetter, Note, Store};

/// A store whose job `customers` has letters 1 to `n` waiting, in groups 1 to 3 by turns.
async fn with_letters(n: u64) -> (Store, Run) {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let dead = (0..n).map(|number| letter(&store, &run, number, 1 + number % 3, "email already in use")).collect();
    store.commit_page(page_of_letters(&run, epoch, dead)).await.expect("saved");
    (store, run)
}

fn numbers(ids: &[DeadLetterId]) -> Vec<u64> {
    ids.iter().map(|id| id.0).collect()
}

fn in_places(places: &[LetterPlace]) -> LetterFilter {
    LetterFilter { places: places.to_vec(), ..LetterFilter::default() }
}

#[tokio::test]
async fn a_letter_is_read_as_it_was_written() {
    let (store, run) = with_letters(1).await;
    let id = DeadLetterId(1);
    let mut written = letter_numbered(id, &run, 0, 1, "email already in use").letter;
    assert_eq!(store.letter(id).await.expect("read"), Some(written.clone()));
    assert_eq!(store.letter(DeadLetterId(2)).await.expect("read"), None);

    let row = store.letter_rows(&[DeadLetterId(9), id]).await.expect("read");
    let row = (row[0].clone(), row[1].clone().expect("it is there"));
    assert_eq!(row.0, None);
    assert_eq!((row.1.title.as_str(), row.1.attempts), ("422 email already in use", 1));

    let order = LetterMove::Retry;
    let moved = store.move_letters(&Selection::Ids(vec![id]), order, note("retry")).await.expect("moved");
    assert_eq!(moved, [(run.job.clone(), 1)]);
    written.state = LetterState::Retrying { since: at(9), by: ana() };
    assert_eq!(store.letter(id).await.expect("read"), Some(written));
}

#[tokio::test]
async fn lists_are_newest_first_and_tell_how_many_there_are_in_all() {
    let (store, run) = with_letters(10).await;
    let all = store.letter_ids(&LetterFilter::default(), 4).await.expect("read");
    assert_eq!((numbers(&all.ids), all.total), (vec![10, 9, 8, 7], 10));
    let filter = LetterFilter { job: Some(run.job.clone()), group: Some(GroupId(1)), ..LetterFilter::default() };
    let group = store.letter_ids(&filter, 100).await.expect("read");
    assert_eq!((numbers(&group.ids), group.total), (vec![10, 7, 4, 1], 4));
    let unknown = LetterFilter { job: Some(job("nobody")), ..LetterFilter::default() };
    assert_eq!(store.letter_ids(&unknown, 100).await.expect("read").total, 0);
}

#[tokio::test]
async fn several_causes_are_one_selection_and_letters_can_be_taken_out_of_it() {
    let (store, _) = with_letters(10).await;
    let causes = LetterFilter { groups: vec![GroupId(3), GroupId(1)], ..LetterFilter::default() };
    let found = store.letter_ids(&causes, 100).await.expect("read");
    assert_eq!((numbers(&found.ids), found.total), (vec![10, 9, 7, 6, 4, 3, 1], 7));
    let groups = store.letter_groups(&causes).await.expect("read");
    assert_eq!(groups.iter().map(|group| group.id).collect::<Vec<_>>(), [GroupId(1), GroupId(3)]);

    let but = LetterFilter { except: vec![DeadLetterId(9), DeadLetterId(4)], ..causes };
    let found = store.letter_ids(&but, 100).await.expect("read");
    assert_eq!((numbers(&found.ids), found.total), (vec![10, 7, 6, 3, 1], 5));
    let order = LetterMove::Discard { reason: "test".to_owned() };
    let moved = store.move_letters(&Selection::Matching(but), order, note("discard")).await.expect("moved");
    assert_eq!(moved.iter().map(|(_, n)| n).sum::<u64>(), 5);
    let left = store.letter_ids(&LetterFilter::default(), 100).await.expect("read");
    assert_eq!(numbers(&left.ids), [9, 8, 5, 4, 2], "what was taken out, and the other cause");
}

#[tokio::test]
async fn places_are_listed_together_in_one_order() {
    let (store, run) = with_letters(6).await;
    let picked = Selection::Ids(vec![DeadLetterId(2), DeadLetterId(5)]);
    store.move_letters(&picked, LetterMove::Retry, note("retry")).await.expect("moved");
    let discard = LetterMove::Discard { reason: "test data".to_owned() };
    store.move_letters(&Selection::Ids(vec![DeadLetterId(4)]), discard, note("discard")).await.expect("moved");

    let open = store.letter_ids(&LetterFilter::default(), 100).await.expect("read");
    assert_eq!((numbers(&open.ids), open.total), (vec![6, 5, 3, 2, 1], 5));
    let all = [LetterPlace::Waiting, LetterPlace::Retrying, LetterPlace::Discarded, LetterPlace::Recovered];
    let all = store.letter_ids(&in_places(&all), 100).await.expect("read");
    assert_eq!((numbers(&all.ids), all.total), (vec![6, 5, 4, 3, 2, 1], 6));
    assert_eq!(store.letters_waiting(&run.job).await.expect("read"), 5);
}

#[tokio::test]
async fn a_list_that_is_looked_at_does_not_grow() {
    let (store, run) = with_letters(5).await;
    let (run, epoch) = begin(&store, run.job.as_str()).await;
    let filter = LetterFilter { up_to: Some(DeadLetterId(5)), ..LetterFilter::default() };
    let dead = (0..4).map(|number| letter(&store, &run, 100 + number, 1, "email already in use")).collect();
    store.commit_page(page_of_letters(&run, epoch, dead)).await.expect("saved");

    let list = store.letter_ids(&filter, 2).await.expect("read");
    assert_eq!((numbers(&list.ids), list.total), (vec![5, 4], 5));
    let groups = store.letter_groups(&filter).await.expect("read");
    assert_eq!(groups.iter().map(|group| group.waiting).sum::<u64>(), 5);
    assert_eq!(store.letter_ids(&LetterFilter::default(), 2).await.expect("read").total, 9);
}

#[tokio::test]
async fn words_are_looked_for_in_the_id_the_message_and_the_field() {
    let (store, run) = with_letters(8).await;
    let (run, epoch) = begin(&store, run.job.as_str()).await;
    let dead = vec![letter(&store, &run, 77, 9, "phone is TOO long")];
    store.commit_page(page_of_letters(&run, epoch, dead)).await.expect("saved");
    let with_words = |words: &[&str]| LetterFilter {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        ..LetterFilter::default()
    };
    let found = store.letter_ids(&with_words(&["too", "EMAIL"]), 100).await.expect("read");
    assert_eq!((numbers(&found.ids), found.total), (vec![9], 1), "the field of every letter is `email`");
    let found = store.letter_ids(&with_words(&["cust_00000000"]), 3).await.expect("read");
    assert_eq!((numbers(&found.ids), found.total), (vec![8, 7, 6], 8));
    let groups = store.letter_groups(&with_words(&["already"])).await.expect("read");
    assert_eq!(groups.iter().map(|group| (group.id.0, group.waiting)).collect::<Vec<_>>(), [(1, 3), (2, 3), (3, 2)]);

    // Few of the letters are in a place that is asked for: they are looked up one by one.
    let picked = Selection::Ids(vec![DeadLetterId(3)]);
    store.move_letters(&picked, LetterMove::Retry, note("retry")).await.expect("moved");
    let filter = LetterFilter { places: vec![LetterPlace::Retrying], ..with_words(&["already"]) };
    assert_eq!(numbers(&store.letter_ids(&filter, 9).await.expect("read").ids), [3]);
}

/// A letter of that field and status, under the group that they and the message have.
fn letter_of(store: &Store, run: &Run, number: u64, field: &str, status: u16) -> NewLetter {
    let mut new = letter(store, run, number, 0, "not what it should be");
    new.letter.reason.field = Some(field.to_owned());
    new.letter.reason.status = Some(status);
    new.letter.group = cause::group_of(&run.job, &new.letter.reason);
    new
}

#[tokio::test]
async fn conditions_that_a_cause_decides_and_conditions_on_each_letter_find_the_same_letters() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let of = [("email", 422), ("email", 409), ("phone", 422), ("/items/3/price", 422), ("/items/4/price", 422)];
    let dead =
        (0..10).map(|number| letter_of(&store, &run, number, of[number as usize % 5].0, of[number as usize % 5].1));
    store.commit_page(page_of_letters(&run, epoch, dead.collect())).await.expect("saved");
    let (other, epoch) = begin(&store, "orders").await;
    let dead = vec![letter_of(&store, &other, 77, "email", 422)];
    store.commit_page(page_of_letters(&other, epoch, dead)).await.expect("saved");
    for (typed, want) in [
        ("field:email", vec![11, 7, 6, 2, 1]),
        ("field:email code:422", vec![11, 6, 1]),
        ("field:email code:422 job:cust*", vec![6, 1]),
        ("-field:email code:422", vec![10, 9, 8, 5, 4, 3]),
        ("code:400", vec![]),
        // One cause holds letters of several places in a list.
        ("field:/items/4/price", vec![10, 5]),
        ("kind:rejected -job:customers", vec![11]),
    ] {
        // What every letter meets, and only the letters themselves tell.
        for also in ["", " tries:>0"] {
            let filter = LetterFilter::parse(&format!("{typed}{also}"), Timestamp::ZERO).expect("a filter");
            let found = store.letter_ids(&filter, 100).await.expect("read");
            assert_eq!((numbers(&found.ids), found.total), (want.clone(), want.len() as u64), "{typed}{also}");
            let groups = store.letter_groups(&filter).await.expect("read");
            assert_eq!(groups.iter().map(|group| group.waiting).sum::<u64>(), want.len() as u64, "{typed}{also}");
            let first = store.letter_ids(&filter, 2).await.expect("read");
            assert_eq!(numbers(&first.ids), want.iter().take(2).copied().collect::<Vec<_>>(), "{typed}{also}");
        }
    }
}

#[tokio::test]
async fn groups_come_with_the_most_letters_first_and_a_masked_reason() {
    let (store, run) = with_letters(7).await;
    let (run, epoch) = begin(&store, run.job.as_str()).await;
    let dead = vec![letter(&store, &run, 77, 9, "no customer 12345")];
    store.commit_page(page_of_letters(&run, epoch, dead)).await.expect("saved");
    let groups = store.letter_groups(&LetterFilter::default()).await.expect("read");
    let told: Vec<_> = groups.iter().map(|group| (group.id.0, group.waiting)).collect();
    assert_eq!(told, [(1, 3), (2, 2), (3, 2), (9, 1)]);
    assert!(!groups[3].reason.message.contains("12345"), "{}", groups[3].reason.message);
    assert!(groups[0].reason.answer.is_none());
    let discarded = store.letter_groups(&in_places(&[LetterPlace::Discarded])).await.expect("read");
    assert!(discarded.is_empty());
}

// Row 77 of the fault matrix.
#[tokio::test]
async fn a_letter_leaves_the_queue_only_when_its_record_was_delivered() {
    let (store, run) = with_letters(3).await;
    let all = Selection::Matching(LetterFilter::default());
    store.move_letters(&all, LetterMove::Retry, note("retry")).await.expect("moved");
    let (retry, epoch) = begin(&store, run.job.as_str()).await;
    let next = store.letters_retrying(&run.job, None, 2).await.expect("read");
    assert_eq!(next.iter().map(|letter| letter.id.0).collect::<Vec<_>>(), [1, 2], "oldest first");
    let after = store.letters_retrying(&run.job, Some(DeadLetterId(2)), 2).await.expect("read");
    assert_eq!(after.iter().map(|letter| letter.id.0).collect::<Vec<_>>(), [3]);

    let failed = vec![failed_again(&retry, DeadLetterId(2), 8, "still refused", 20)];
    let recovered = vec![DeadLetterId(1)];
    store.commit_page(retry_page(&retry, epoch, recovered.clone(), failed)).await.expect("saved");
    // Told twice, as after a crash between the answer and what comes next: nothing changes.
    store.commit_page(retry_page(&retry, epoch, recovered, Vec::new())).await.expect("saved");

    let delivered = store.letter(DeadLetterId(1)).await.expect("read").expect("it is kept");
    assert_eq!(delivered.state, LetterState::Recovered { at: at(1), run: retry.id });
    let again = store.letter(DeadLetterId(2)).await.expect("read").expect("it is kept");
    assert_eq!((again.state, again.group, again.attempts.len()), (LetterState::Waiting, GroupId(8), 2));
    assert_eq!((again.reason.message.as_str(), again.last_at, again.first_at), ("still refused", at(20), at(1)));
    assert_eq!(again.source.as_str(), r#"{"again":true}"#);
    assert_eq!(store.letters_waiting(&run.job).await.expect("read"), 2);
    assert_eq!(store.letters_retrying(&run.job, None, 9).await.expect("read").len(), 1, "the third was not reached");
}

#[tokio::test]
async fn attempts_are_only_added_and_the_newest_fifty_are_kept() {
    let (store, run) = with_letters(1).await;
    let (retry, epoch) = begin(&store, run.job.as_str()).await;
    for second in 0..60 {
        let failed = vec![failed_again(&retry, DeadLetterId(1), 1, "refused", 100 + second)];
        store.commit_page(retry_page(&retry, epoch, Vec::new(), failed)).await.expect("saved");
    }
    let letter = store.letter(DeadLetterId(1)).await.expect("read").expect("it is kept");
    let times: Vec<Timestamp> = letter.attempts.iter().map(|attempt| attempt.at).collect();
    assert_eq!(times, (10..60).map(|second| at(100 + second)).collect::<Vec<_>>());
    let row = store.letter_rows(&[DeadLetterId(1)]).await.expect("read").remove(0).expect("it is kept");
    assert_eq!(row.attempts, 61, "the first one and sixty more");
}

#[tokio::test]
async fn a_discard_is_a_mark_that_can_be_taken_back() {
    let (store, run) = with_letters(3).await;
    let discard = LetterMove::Discard { reason: "test data".to_owned() };
    let picked = Selection::Ids(vec![DeadLetterId(2), DeadLetterId(99)]);
    let moved = store.move_letters(&picked, discard.clone(), note("discard")).await.expect("moved");
    assert_eq!(moved, [(run.job.clone(), 1)]);
    let state = store.letter(DeadLetterId(2)).await.expect("read").expect("it is kept").state;
    assert_eq!(state, LetterState::Discarded { at: at(9), by: ana(), reason: "test data".to_owned() });
    let again = store.move_letters(&picked, discard, note("discard")).await.expect("nothing to do");
    assert_eq!(again, []);

    let usual = Selection::Matching(LetterFilter::default());
    let restored = store.move_letters(&usual, LetterMove::Restore, note("restore")).await.expect("nothing to do");
    assert_eq!(restored, [], "what waits has nothing to be restored from");
    let discarded = Selection::Matching(in_places(&[LetterPlace::Discarded]));
    let restored = store.move_letters(&discarded, LetterMove::Restore, note("restore")).await.expect("moved");
    assert_eq!(restored, [(run.job.clone(), 1)]);
    assert_eq!(store.letters_waiting(&run.job).await.expect("read"), 3);
    // What changed nothing is not in the journal.
    let journal = store.journal(None, 10).await.expect("read");
    assert_eq!(journal.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["restore", "discard"]);
}

#[tokio::test]
async fn taking_one_discard_back_leaves_the_others_where_they_are() {
    let (store, run) = with_letters(6).await;
    let discard = || LetterMove::Discard { reason: "known test data".to_owned() };
    let ids = [2, 3].map(DeadLetterId).to_vec();
    store.move_letters(&Selection::Ids(ids), discard(), Note { at: at(9), ..note("discard") }).await.expect("moved");
    let all = Selection::Matching(LetterFilter::default());
    store.move_letters(&all, discard(), Note { at: at(10), ..note("discard") }).await.expect("moved");

    let back = LetterFilter { moved_at: Some(at(10)), ..in_places(&[LetterPlace::Discarded]) };
    let order = LetterMove::Restore;
    let moved = store.move_letters(&Selection::Matching(back), order, note("restore")).await.expect("moved");
    assert_eq!(moved, [(run.job.clone(), 4)]);
    let still = store.letter_ids(&in_places(&[LetterPlace::Discarded]), 10).await.expect("read");
    assert_eq!(numbers(&still.ids), [3, 2]);
}

#[tokio::test]
async fn a_discarded_letter_stays_discarded_when_its_record_is_delivered() {
    let (store, run) = with_letters(1).await;
    let discard = LetterMove::Discard { reason: "test data".to_owned() };
    let all = Selection::Matching(LetterFilter::default());
    store.move_letters(&all, discard, note("discard")).await.expect("moved");
    let (run, epoch) = begin(&store, run.job.as_str()).await;
    store.commit_page(retry_page(&run, epoch, vec![DeadLetterId(1)], Vec::new())).await.expect("saved");
    let state = store.letter(DeadLetterId(1)).await.expect("read").expect("it is kept").state;
    assert!(matches!(state, LetterState::Discarded { .. }), "{state:?}");
}

// Row 78 of the fault matrix. A cost that grew with the number of letters would make this take minutes.
#[tokio::test]
async fn a_hundred_thousand_letters_are_kept_listed_and_moved() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    for piece in 0..100 {
        let dead =
            (0..1_000).map(|number| letter(&store, &run, piece * 1_000 + number, number % 7, "email already in use"));
        store.commit_page(page_of_letters(&run, epoch, dead.collect())).await.expect("saved");
    }
    let list = store.letter_ids(&LetterFilter::default(), 1_000).await.expect("read");
    assert_eq!((list.ids.len(), list.ids[0].0, list.total), (1_000, 100_000, 100_000));
    let rows = store.letter_rows(&list.ids[..40]).await.expect("read");
    assert!(rows.iter().all(Option::is_some));
    let groups = store.letter_groups(&LetterFilter::default()).await.expect("read");
    assert_eq!(groups.iter().map(|group| group.waiting).sum::<u64>(), 100_000);

    let all = Selection::Matching(LetterFilter::default());
    let moved = store.move_letters(&all, LetterMove::Retry, note("retry")).await.expect("moved");
    assert_eq!(moved, [(run.job.clone(), 100_000)]);
    assert_eq!(store.letter_ids(&in_places(&[LetterPlace::Retrying]), 1).await.expect("read").total, 100_000);
    assert_eq!(store.journal(None, 10).await.expect("read").len(), 1);
}

#[derive(Clone, Debug)]
enum Event {
    Dead { job: usize, group: u64 },
    Again { id: u64, group: u64 },
    Recovered { id: u64 },
    Move { id: u64, to: LetterMove },
    MoveAll { group: u64, places: Vec<LetterPlace>, to: LetterMove },
}

const PLACES: [LetterPlace; 4] =
    [LetterPlace::Waiting, LetterPlace::Retrying, LetterPlace::Discarded, LetterPlace::Recovered];

fn events() -> impl Strategy<Value = Vec<Event>> {
    let to = prop_oneof![
        Just(LetterMove::Retry),
        Just(LetterMove::Discard { reason: "no".to_owned() }),
        Just(LetterMove::Restore),
    ];
    let event = prop_oneof![
        3 => (0..2_usize, 1..4_u64).prop_map(|(job, group)| Event::Dead { job, group }),
        2 => (1..12_u64, 1..4_u64).prop_map(|(id, group)| Event::Again { id, group }),
        2 => (1..12_u64).prop_map(|id| Event::Recovered { id }),
        2 => (1..12_u64, to.clone()).prop_map(|(id, to)| Event::Move { id, to }),
        1 => (1..4_u64, proptest::sample::subsequence(PLACES.to_vec(), 0..=4), to)
            .prop_map(|(group, places, to)| Event::MoveAll { group, places, to }),
    ];
    proptest::collection::vec(event, 1..40)
}

async fn play(store: &Store, events: Vec<Event>) {
    let mut runs = Vec::new();
    for name in ["customers", "orders"] {
        runs.push(begin(store, name).await);
    }
    for event in events {
        match event {
            Event::Dead { job, group } => {
                let (run, epoch) = &runs[job];
                let dead = vec![letter(store, run, group, group, "refused")];
                store.commit_page(page_of_letters(run, *epoch, dead)).await.expect("saved");
            }
            Event::Again { id, group } => {
                let (run, epoch) = &runs[0];
                let failed = vec![failed_again(run, DeadLetterId(id), group, "again", 30)];
                store.commit_page(retry_page(run, *epoch, Vec::new(), failed)).await.expect("saved");
            }
            Event::Recovered { id } => {
                let (run, epoch) = &runs[1];
                store.commit_page(retry_page(run, *epoch, vec![DeadLetterId(id)], Vec::new())).await.expect("saved");
            }
            Event::Move { id, to } => {
                let picked = Selection::Ids(vec![DeadLetterId(id)]);
                store.move_letters(&picked, to, note("move")).await.expect("moved");
            }
            Event::MoveAll { group, places, to } => {
                let filter = LetterFilter { group: Some(GroupId(group)), places, ..LetterFilter::default() };
                store.move_letters(&Selection::Matching(filter), to, note("move")).await.expect("moved");
            }
        }
    }
}

/// Holds every kept figure and every index against the letters themselves.
async fn check_counts(store: &Store) {
    let mut by_place: BTreeMap<LetterPlace, Vec<u64>> = BTreeMap::new();
    let mut by_job: BTreeMap<(String, LetterPlace), u64> = BTreeMap::new();
    let mut by_group: BTreeMap<(String, u64), [u64; 4]> = BTreeMap::new();
    for id in (1..60).rev() {
        let Some(letter) = store.letter(DeadLetterId(id)).await.expect("read") else { continue };
        let (place, name) = (letter.state.place(), letter.job.to_string());
        by_place.entry(place).or_default().push(id);
        *by_job.entry((name.clone(), place)).or_default() += 1;
        by_group.entry((name, letter.group.0)).or_default()[place as usize] += 1;
    }
    for place in PLACES {
        let list = store.letter_ids(&in_places(&[place]), 1_000).await.expect("read");
        let counted = by_place.get(&place).cloned().unwrap_or_default();
        assert_eq!((numbers(&list.ids), list.total), (counted.clone(), counted.len() as u64), "{place:?}");
        for name in ["customers", "orders"] {
            let filter = LetterFilter { job: Some(job(name)), ..in_places(&[place]) };
            let list = store.letter_ids(&filter, 1_000).await.expect("read");
            let counted = by_job.get(&(name.to_owned(), place)).copied().unwrap_or(0);
            assert_eq!((list.ids.len() as u64, list.total), (counted, counted), "{place:?} of {name}");
        }
    }
    let groups = store.letter_groups(&in_places(&PLACES)).await.expect("read");
    let kept: BTreeMap<_, _> = groups
        .into_iter()
        .map(|group| {
            ((group.job.to_string(), group.id.0), [group.waiting, group.retrying, group.discarded, group.recovered])
        })
        .collect();
    assert_eq!(kept, by_group);
    for name in ["customers", "orders"] {
        let open = [LetterPlace::Waiting, LetterPlace::Retrying];
        let counted: u64 = open.iter().filter_map(|place| by_job.get(&(name.to_owned(), *place))).sum();
        assert_eq!(store.letters_waiting(&job(name)).await.expect("read"), counted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn kept_figures_are_what_is_counted_by_hand(events in events()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let store = in_memory();
            play(&store, events).await;
            check_counts(&store).await;
        });
    }
}

#[tokio::test]
async fn the_letters_of_one_record_are_found_newest_first_and_no_others() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let dead = [1, 2, 1, 10, 1].map(|number| letter(&store, &run, number, 1, "no"));
    store.commit_page(page_of_letters(&run, epoch, dead.into())).await.expect("saved");
    let of = async |job_name: &str, number: u64, limit: usize| {
        let letters = store.letters_of(&job(job_name), &record(number), limit).await.expect("read");
        letters.iter().map(|letter| letter.id.0).collect::<Vec<_>>()
    };
    assert_eq!(of("customers", 1, 9).await, [5, 3, 1]);
    assert_eq!(of("customers", 1, 2).await, [5, 3]);
    assert_eq!(of("customers", 10, 9).await, [4]);
    assert_eq!(of("customers", 7, 9).await, [] as [u64; 0]);
    assert_eq!(of("nobody", 1, 9).await, [] as [u64; 0]);
}
