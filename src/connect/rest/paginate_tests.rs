use super::*;
use crate::connect::rest::testing::{at, pointer};
use crate::model::Change;
use std::collections::HashSet;

fn pager(paginate: Paginate) -> Pager {
    Pager::new(&paginate, Some("since"), false, false)
}

fn item(version: &str, id: &str) -> Item {
    let version = Some(Version::read(version, &Default::default()).unwrap());
    Item::Change(Change { id: id.into(), version, deleted: false, body: json("{}") })
}

fn json(text: &str) -> RawJson {
    RawJson::parse(text.to_owned()).unwrap()
}

fn next(pager: &Pager, from: &ReadFrom, value: Option<&str>, items: &[Item]) -> Result<NextPage, String> {
    let headers = HeaderMap::new();
    pager.next(from, &PageEnd { next: value.map(json), headers: &headers, items })
}

fn cursor(text: &str) -> NextPage {
    NextPage::Cursor(Cursor(text.to_owned()))
}

fn params(pager: &Pager, from: &ReadFrom) -> Vec<String> {
    pager.query(from).unwrap().params.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn since(cursor: Option<&str>, version: &str) -> ReadFrom {
    let version = Version::read(version, &Default::default()).unwrap();
    ReadFrom { cursor: cursor.map(|text| Cursor(text.to_owned())), since: Some(version) }
}

fn tokens() -> Pager {
    pager(Paginate::Cursor { next: pointer("/next"), param: "cursor".to_owned() })
}

fn pages() -> Pager {
    let size_param = Some("per_page".to_owned());
    pager(Paginate::Page { param: "page".to_owned(), first: 1, size_param, size: Some(100) })
}

fn offsets() -> Pager {
    pager(Paginate::Offset { param: "offset".to_owned(), size_param: Some("limit".to_owned()), size: 200 })
}

fn keys(after: &str) -> Pager {
    pager(Paginate::Keyset { after: after.to_owned(), tie: Some("after_id".to_owned()) })
}

#[test]
fn a_token_goes_back_as_it_came() {
    assert_eq!(next(&tokens(), &ReadFrom::default(), Some(r#""a=b&ü""#), &[]), Ok(cursor("a=b&ü")));
    assert_eq!(
        next(&tokens(), &ReadFrom::default(), Some("98765432109876543210987"), &[]),
        Ok(cursor("98765432109876543210987"))
    );
    assert_eq!(params(&tokens(), &at("a=b&ü")), ["cursor=a=b&ü"]);
}

// Row 29 of the fault matrix.
#[test]
fn only_a_missing_token_ends_a_listing_of_tokens() {
    for ending in [None, Some("null"), Some("\"\""), Some("false")] {
        assert_eq!(next(&tokens(), &at("x"), ending, &[item("1", "a")]), Ok(NextPage::End), "{ending:?}");
    }
    assert_eq!(next(&tokens(), &at("x"), Some("\"y\""), &[]), Ok(cursor("y")));
}

#[test]
fn a_token_that_is_no_token_is_an_error_and_no_end() {
    for value in ["{}", "[]", "true"] {
        assert!(next(&tokens(), &at("x"), Some(value), &[]).is_err(), "{value}");
    }
}

#[test]
fn the_members_of_a_params_object_all_go_back() {
    let pager = pager(Paginate::Params { next: pointer("/continue") });
    let object = r#"{"from":"ä","n":12345678901234567,"none":null}"#;
    assert_eq!(next(&pager, &ReadFrom::default(), Some(object), &[]), Ok(cursor(object)));
    assert_eq!(params(&pager, &at(object)), ["from=ä", "n=12345678901234567"]);
    for ending in [None, Some("null"), Some("{}")] {
        assert_eq!(next(&pager, &at(object), ending, &[item("1", "a")]), Ok(NextPage::End), "{ending:?}");
    }
    assert!(next(&pager, &at(object), Some("\"x\""), &[]).is_err());
}

// Rows 29 and 33 of the fault matrix.
#[test]
fn numbered_pages_end_with_an_empty_one_and_not_with_a_short_one() {
    assert_eq!(params(&pages(), &ReadFrom::default()), ["page=1", "per_page=100"]);
    assert_eq!(next(&pages(), &ReadFrom::default(), None, &[item("1", "a")]), Ok(cursor("2")));
    assert_eq!(params(&pages(), &at("2")), ["page=2", "per_page=100"]);
    assert_eq!(next(&pages(), &at("2"), None, &[]), Ok(NextPage::End));
}

#[test]
fn an_offset_moves_by_the_records_that_came() {
    assert_eq!(params(&offsets(), &ReadFrom::default()), ["offset=0", "limit=200"]);
    assert_eq!(next(&offsets(), &at("7"), None, &[item("1", "a"), item("1", "b")]), Ok(cursor("9")));
    assert_eq!(next(&offsets(), &at("9"), None, &[]), Ok(NextPage::End));
}

#[test]
fn a_keyset_goes_on_after_the_last_version_and_id_to_the_digit() {
    let version = "2024-05-01T10:00:00.123456000+02:00";
    let items = [item("2024-05-01T10:00:00Z", "a"), item(version, "b,\"1")];
    let Ok(NextPage::Cursor(end)) = next(&keys("after"), &ReadFrom::default(), None, &items) else { panic!() };
    assert_eq!(params(&keys("after"), &at(&end.0)), [format!("after={version}"), "after_id=b,\"1".to_owned()]);
}

#[test]
fn a_keyset_ends_with_an_empty_page_or_its_last_record_again() {
    let Ok(NextPage::Cursor(end)) = next(&keys("after"), &ReadFrom::default(), None, &[item("5", "a")]) else {
        panic!()
    };
    assert_eq!(next(&keys("after"), &at(&end.0), None, &[]), Ok(NextPage::End));
    assert_eq!(next(&keys("after"), &at(&end.0), None, &[item("5", "a")]), Ok(NextPage::End));
    assert!(matches!(next(&keys("after"), &at(&end.0), None, &[item("5", "b")]), Ok(NextPage::Cursor(_))));
}

#[test]
fn a_keyset_page_without_any_version_is_an_error_and_no_end() {
    let unreadable = Item::Unreadable { id: None, field: None, reason: String::new(), body: json("{}") };
    assert!(next(&keys("after"), &ReadFrom::default(), None, std::slice::from_ref(&unreadable)).is_err());
    let mixed = [item("5", "a"), unreadable];
    assert!(matches!(next(&keys("after"), &ReadFrom::default(), None, &mixed), Ok(NextPage::Cursor(_))));
}

#[test]
fn the_lower_bound_goes_with_every_page_and_gives_way_to_a_keyset_of_the_same_name() {
    assert_eq!(
        params(&tokens(), &since(Some("x"), "2020-01-01T00:00:00Z")),
        ["since=2020-01-01T00:00:00Z", "cursor=x"]
    );
    assert_eq!(params(&keys("since"), &since(None, "3")), ["since=3"]);
    assert_eq!(params(&keys("since"), &since(Some(r#"["5","a"]"#), "3")), ["since=5", "after_id=a"]);
    assert_eq!(params(&keys("after"), &since(Some(r#"["5","a"]"#), "3")), ["since=3", "after=5", "after_id=a"]);
}

#[test]
fn what_templates_place_is_not_added_once_more() {
    let paginate = Paginate::Cursor { next: pointer("/next"), param: "cursor".to_owned() };
    let pager = Pager::new(&paginate, Some("since"), true, true);
    let query = pager.query(&since(Some("x"), "3")).unwrap();
    assert_eq!((query.params, query.cursor, query.since), (vec![], "x".into(), "3".into()));
}

#[test]
fn a_cursor_of_another_paging_is_refused() {
    for (pager, cursor) in [(pages(), "abc"), (offsets(), "-1"), (keys("after"), "7"), (keys("after"), "[1]")] {
        assert!(pager.query(&at(cursor)).is_err(), "{cursor}");
    }
}

fn links(values: &[&str]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(LINK, value.parse().unwrap());
    }
    next_link(&headers)
}

#[test]
fn the_next_link_is_found_in_every_spelling() {
    for values in [
        &["<https://x/a?page=2>; rel=\"next\", <https://x/a?page=9>; rel=\"last\""][..],
        &["<https://x/a?page=1>; rel=prev,<https://x/a?page=2>;rel=NEXT"],
        &["<https://x/a?page=1>; rel=\"prev\"", "<https://x/a?page=2>; title=\"a, <b>; rel=x\"; rel=\"last next\""],
        &["</no>; rel=\"next\"; anchor=\"/other\", <https://x/a?page=2>; rel=\"next\""],
    ] {
        assert_eq!(links(values).as_deref(), Some("https://x/a?page=2"), "{values:?}");
    }
}

#[test]
fn headers_without_a_next_link_end_the_listing() {
    for values in [
        &[][..],
        &["<https://x>; rel=\"prev\""],
        &["<https://x"],
        &["garbage, ;;=\"<"],
        &["<https://x>; title=\"rel=next\""],
    ] {
        assert_eq!(links(values), None, "{values:?}");
    }
}

#[test]
fn an_address_may_stand_in_the_answer_or_in_a_header() {
    let in_body = pager(Paginate::NextUrl { next: NextUrl::Body(pointer("/next")) });
    assert_eq!(next(&in_body, &at("/x"), Some("\"/y?page=2\""), &[]), Ok(NextPage::Address("/y?page=2".to_owned())));
    assert_eq!(next(&in_body, &at("/x"), Some("null"), &[]), Ok(NextPage::End));
    let in_header = pager(Paginate::NextUrl { next: NextUrl::Header("Next-Page".to_owned()) });
    let mut headers = HeaderMap::new();
    let ended = in_header.next(&at("/x"), &PageEnd { next: None, headers: &headers, items: &[] });
    assert_eq!(ended, Ok(NextPage::End));
    headers.insert("next-page", "/y".parse().unwrap());
    let going_on = in_header.next(&at("/x"), &PageEnd { next: None, headers: &headers, items: &[] });
    assert_eq!(going_on, Ok(NextPage::Address("/y".to_owned())));
}

// Row 28 of the fault matrix: the cursor of a page is the same text whenever the page is the same, so a repetition is seen.
#[test]
fn the_same_page_always_gives_the_same_cursor() {
    let mut seen = HashSet::new();
    for _ in 0..3 {
        let Ok(NextPage::Cursor(end)) = next(&keys("after"), &ReadFrom::default(), None, &[item("5", "a")]) else {
            panic!()
        };
        seen.insert(end);
    }
    assert_eq!(seen.len(), 1);
}
