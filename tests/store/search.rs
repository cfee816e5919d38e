//! Records are found by the fields that their job names, as those are now.

use crate::story::*;
use syncdeck::store::{Findable, PageCommit, Store};

async fn save(store: &Store, job_name: &str, found_by: &[(u64, &[(&str, &str)])]) {
    let (run, epoch) = begin(store, job_name).await;
    let search = found_by.iter().map(|(number, terms)| Findable {
        record: record(*number),
        terms: terms.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect(),
    });
    let commit = PageCommit { search: search.collect(), ..page(&run, epoch, 0, 1) };
    store.commit_page(commit).await.expect("saved");
}

async fn found(store: &Store, job_name: &str, text: &str) -> Vec<(String, String)> {
    let found = store.records_with(&job(job_name), text, 3).await.expect("read");
    found.into_iter().map(|(record, field)| (record.to_string(), field)).collect()
}

fn hit(number: u64, field: &str) -> (String, String) {
    (record(number).to_string(), field.to_owned())
}

#[tokio::test]
async fn a_value_finds_its_record_in_any_letter_case_in_its_own_job_only() {
    let store = in_memory();
    save(
        &store,
        "customers",
        &[(1, &[("email", "Sam.Lee@Example.org"), ("phone", "030 1")]), (2, &[("email", "b@x")])],
    )
    .await;
    save(&store, "orders", &[(1, &[("email", "b@x")])]).await;
    assert_eq!(found(&store, "customers", " sam.lee@example.ORG").await, [hit(1, "email")]);
    assert_eq!(found(&store, "customers", "030 1").await, [hit(1, "phone")]);
    assert_eq!(found(&store, "customers", "b@x").await, [hit(2, "email")]);
    for nothing in ["", "sam", "nobody", "030 2"] {
        assert!(found(&store, "customers", nothing).await.is_empty(), "{nothing}");
    }
    assert!(found(&store, "nobody", "b@x").await.is_empty());
}

#[tokio::test]
async fn a_value_that_several_records_share_finds_them_up_to_a_bound() {
    let store = in_memory();
    let shared: &[(&str, &str)] = &[("email", "info@x")];
    save(&store, "customers", &[(1, shared), (2, shared), (3, shared), (4, shared)]).await;
    assert_eq!(found(&store, "customers", "info@x").await, [hit(1, "email"), hit(2, "email"), hit(3, "email")]);
}

#[tokio::test]
async fn what_a_record_was_found_by_before_finds_it_no_more() {
    let store = in_memory();
    save(&store, "customers", &[(1, &[("email", "old@x"), ("phone", "1")])]).await;
    save(&store, "customers", &[(1, &[("email", "new@x"), ("phone", "1")])]).await;
    assert!(found(&store, "customers", "old@x").await.is_empty());
    assert_eq!(found(&store, "customers", "new@x").await, [hit(1, "email")]);
    assert_eq!(found(&store, "customers", "1").await, [hit(1, "phone")]);
    save(&store, "customers", &[(1, &[])]).await;
    assert!(found(&store, "customers", "new@x").await.is_empty());
}
