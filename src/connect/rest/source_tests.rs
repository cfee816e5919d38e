use super::*;
use crate::connect::rest::testing::{self, System, TOKEN, answer as reply, at, job, link, listing, pointer, upserts};
use crate::model::{Auth, Method, NextUrl, Paginate, Secret, Version};

fn tokens() -> RestSource {
    listing(Paginate::Cursor { next: pointer("/next"), param: "cursor".to_owned() })
}

fn of(system: &Arc<System>, rest: RestSource) -> Arc<dyn Source> {
    source(&job(rest, upserts()), &link(system)).unwrap()
}

async fn first_page(rest: RestSource, body: &str) -> Result<Page, Fault> {
    of(&System::answers(200, &[], body), rest).read_page(&ReadFrom::default()).await.outcome
}

async fn fault_of(body: &str) -> Fault {
    first_page(tokens(), body).await.unwrap_err()
}

fn bodies(page: &Page) -> Vec<&str> {
    page.items
        .iter()
        .map(|item| match item {
            Item::Change(change) => change.body.as_str(),
            Item::Unreadable { body, .. } => body.as_str(),
        })
        .collect()
}

#[tokio::test]
async fn records_arrive_to_the_byte_and_the_token_is_the_cursor() {
    let body = r#"{"next":"n2","data":[{"id":7,"v":1,"big":123456789012345678901234567890, "x":1.0}, {"id":"8"}]}"#;
    let page = first_page(tokens(), body).await.unwrap();
    assert_eq!(bodies(&page), [r#"{"id":7,"v":1,"big":123456789012345678901234567890, "x":1.0}"#, r#"{"id":"8"}"#]);
    assert_eq!(page.next, Some(Cursor("n2".to_owned())));
}

#[tokio::test]
async fn the_records_are_slices_of_the_answer_and_no_copies() {
    let text = r#"{"data":[{"id":7,"v":1}]}"#;
    let body = Bytes::from_static(text.as_bytes());
    let system = System::new(move |_| Ok(Response::new(body.clone())));
    let page = of(&system, tokens()).read_page(&ReadFrom::default()).await.outcome.unwrap();
    let Item::Change(change) = &page.items[0] else { panic!() };
    assert_eq!(change.body.as_str().as_ptr(), text[9..].as_ptr());
}

#[tokio::test]
async fn a_total_is_told_from_the_answer_or_a_header_and_never_ends_the_listing() {
    // Row 33 of the fault matrix.
    let rest = RestSource { total: Some(pointer("/total")), ..tokens() };
    let page = first_page(rest, r#"{"total":1,"data":[{"id":1}],"next":"x"}"#).await.unwrap();
    assert_eq!((page.total, page.next.is_some()), (Some(1), true));
    let system = System::answers(200, &[("x-total-count", "12")], r#"{"data":[]}"#);
    let page = of(&system, tokens()).read_page(&ReadFrom::default()).await.outcome.unwrap();
    assert_eq!(page.total, Some(12));
}

// Row 35 of the fault matrix.
#[tokio::test]
async fn a_login_page_with_200_is_transient_and_shown_without_controls() {
    let fault = fault_of("<html>\n<title>\u{1b}[31mPlease log in</title>").await;
    assert_eq!(fault.kind, FaultKind::Transient);
    assert!(fault.message.ends_with("<html> <title> [31mPlease log in</title>"), "{}", fault.message);
    assert_eq!(fault.status, Some(200));
}

// Row 36 of the fault matrix.
#[tokio::test]
async fn of_a_page_that_is_cut_no_record_is_used() {
    let fault = fault_of(r#"{"data":[{"id":1},{"id":2"#).await;
    assert_eq!(fault.kind, FaultKind::Transient);
    assert!(fault.message.contains("not whole JSON"), "{}", fault.message);
}

// Row 37 of the fault matrix.
#[tokio::test]
async fn an_empty_answer_is_a_fault_and_not_the_end() {
    for body in ["", " \n", "null", r#"{"data":null}"#] {
        let fault = fault_of(body).await;
        assert_eq!(fault.kind, FaultKind::Transient, "{body:?}");
    }
    let nothing = of(&System::answers(204, &[], ""), tokens()).read_page(&ReadFrom::default()).await;
    assert_eq!(nothing.outcome.unwrap_err().kind, FaultKind::Transient);
}

// Row 38 of the fault matrix.
#[tokio::test]
async fn an_answer_without_the_array_of_records_is_a_fault_that_says_what_stands_there() {
    let missing = fault_of(r#"{"error":"quota"}"#).await;
    assert_eq!(missing.kind, FaultKind::Transient);
    assert!(
        missing.message.contains("`/data` of the answer") && missing.message.contains("missing"),
        "{}",
        missing.message
    );
    let object = fault_of(r#"{"data":{"id":1}}"#).await;
    assert!(object.message.contains("an object instead of the array"), "{}", object.message);
}

// Row 38 of the fault matrix.
#[tokio::test]
async fn an_error_told_in_a_200_answer_is_a_fault_even_beside_records() {
    let rest = || RestSource { error: Some(pointer("/error")), ..tokens() };
    let body = format!(r#"{{"data":[{{"id":1}}],"error":{{"message":"quota of {TOKEN}","field":"x"}}}}"#);
    let fault = first_page(rest(), &body).await.unwrap_err();
    assert_eq!((fault.kind, fault.message.as_str()), (FaultKind::Transient, "quota of ••••"));
    for fine in ["null", "false", "\"\"", "[]"] {
        let body = format!(r#"{{"data":[{{"id":1}}],"error":{fine}}}"#);
        assert_eq!(first_page(rest(), &body).await.unwrap().items.len(), 1, "{fine}");
    }
}

// Row 42 of the fault matrix.
#[tokio::test]
async fn an_answer_that_is_not_utf8_names_the_byte() {
    let system = System::new(|_| Ok(Response::new(Bytes::from_static(b"{\"data\":[{\"id\":\"\xff\"}]}"))));
    let fault = of(&system, tokens()).read_page(&ReadFrom::default()).await.outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Transient);
    assert!(fault.message.contains("at byte 16"), "{}", fault.message);
}

// Row 43 of the fault matrix.
#[tokio::test]
async fn a_lone_surrogate_in_one_record_leaves_the_page_whole() {
    let page = first_page(tokens(), r#"{"data":[{"id":1,"x":"\ud800"},{"id":2}]}"#).await.unwrap();
    assert_eq!(bodies(&page), [r#"{"id":1,"x":"\ud800"}"#, r#"{"id":2}"#]);
}

// Row 41 of the fault matrix.
#[tokio::test]
async fn a_record_nested_too_deep_does_not_break_its_page() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let page = first_page(tokens(), &format!(r#"{{"data":[{{"id":1,"x":{deep}}},{{"id":2}}]}}"#)).await.unwrap();
    let [Item::Unreadable { id: Some(id), reason, .. }, Item::Change(_)] = &page.items[..] else {
        panic!("{:?}", page.items.len())
    };
    assert_eq!((id.as_str(), reason.contains("deeper than 128")), ("1", true), "{reason}");
}

#[tokio::test]
async fn a_byte_order_mark_is_passed_over() {
    assert_eq!(first_page(tokens(), "\u{feff}{\"data\":[{\"id\":1}]}").await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn query_templates_know_cursor_and_since_and_an_empty_one_is_left_out() {
    let system = System::answers(200, &[], r#"{"data":[]}"#);
    let query =
        [("limit", "500"), ("after", "{{ cursor }}"), ("q", "{% if since %}v>{{ since }}{% endif %}"), ("flag", "")];
    let query = query.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
    let source = of(&system, RestSource { query, since_param: Some("updated".to_owned()), ..tokens() });
    source.read_page(&ReadFrom::default()).await.outcome.unwrap();
    let since = Some(Version::read("2020-01-01T00:00:00+02:00", &Default::default()).unwrap());
    source.read_page(&ReadFrom { cursor: Some(Cursor("a&b".to_owned())), since }).await.outcome.unwrap();
    assert_eq!(
        system.asked(),
        [
            "GET /api/customers?limit=500&flag=",
            "GET /api/customers?limit=500&after=a%26b&q=v%3E2020-01-01T00%3A00%3A00%2B02%3A00&flag=",
        ]
    );
}

#[tokio::test]
async fn a_search_posts_its_cursor_in_the_body_and_null_at_first() {
    let system = System::answers(200, &[], r#"{"data":[]}"#);
    let body = serde_json::json!({ "query": "q", "variables": { "after": "{{ cursor }}" } });
    let source = of(&system, RestSource { method: Method::Post, body: Some(body), ..tokens() });
    source.read_page(&ReadFrom::default()).await.outcome.unwrap();
    assert_eq!(system.last_body(), r#"{"query":"q","variables":{"after":null}}"#);
    source.read_page(&at("x")).await.outcome.unwrap();
    assert_eq!(system.last_body(), r#"{"query":"q","variables":{"after":"x"}}"#);
    assert_eq!(system.asked(), ["POST /api/customers"; 2]);
}

#[tokio::test]
async fn a_next_address_is_kept_as_path_and_asked_for_as_it_is() {
    let next = "https://shop.example.com/api/customers?page=2&x=%20";
    let body = format!(r#"{{"data":[],"next":"{next}"}}"#);
    let system = System::answers(200, &[], &body);
    let rest = RestSource {
        query: vec![("limit".to_owned(), "5".to_owned())],
        ..listing(Paginate::NextUrl { next: NextUrl::Body(pointer("/next")) })
    };
    let source = of(&system, rest);
    let page = source.read_page(&ReadFrom::default()).await.outcome.unwrap();
    let cursor = page.next.unwrap();
    assert_eq!(cursor.0, "/api/customers?page=2&x=%20");
    source.read_page(&at(&cursor.0)).await.outcome.unwrap();
    assert_eq!(system.asked(), ["GET /api/customers?limit=5", "GET /api/customers?page=2&x=%20"]);
}

// Row 34 of the fault matrix.
#[tokio::test]
async fn a_next_link_to_another_host_is_fatal_and_nothing_is_sent_there() {
    let headers = [("link", "<https://evil.example/x>; rel=\"next\"")];
    let system = System::answers(200, &headers, r#"{"data":[{"id":1}]}"#);
    let fault = of(&system, listing(Paginate::LinkHeader)).read_page(&ReadFrom::default()).await.outcome.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Fatal);
    assert!(fault.message.contains("`https://evil.example`"), "{}", fault.message);
    assert_eq!(system.asked().len(), 1);
}

// Row 27 of the fault matrix.
#[tokio::test]
async fn a_cursor_of_an_older_configuration_begins_the_listing_again() {
    let system = System::answers(200, &[], r#"{"data":[]}"#);
    let rest = listing(Paginate::Offset { param: "offset".to_owned(), size_param: None, size: 10 });
    let fault = of(&system, rest).read_page(&at("not a number")).await.outcome.unwrap_err();
    assert!(fault.cursor_expired);
    assert!(system.asked().is_empty());
}

fn with_one() -> RestSource {
    let one = RestRecord { path: "/customers/{{ id }}".to_owned(), record: pointer("/data") };
    RestSource { one: Some(one), ..tokens() }
}

async fn read_one(system: &Arc<System>, id: &str) -> Result<Option<Item>, Fault> {
    of(system, with_one()).read_one(&id.into()).await.outcome
}

#[tokio::test]
async fn one_record_is_read_as_it_is_now() {
    let system = System::answers(200, &[], r#"{"data":{"id":"a/b","v":3}}"#);
    let item = read_one(&system, "a/b").await.unwrap().unwrap();
    let Item::Change(change) = item else { panic!() };
    assert_eq!((change.id.as_str(), change.body.as_str()), ("a/b", r#"{"id":"a/b","v":3}"#));
    assert_eq!(system.asked(), ["GET /api/customers/a%2Fb"]);
}

#[tokio::test]
async fn only_404_and_410_say_that_a_record_does_not_exist() {
    for status in [404, 410] {
        assert_eq!(read_one(&System::answers(status, &[], ""), "7").await, Ok(None));
    }
    for body in ["", "{}", r#"{"data":null}"#, r#"{"data":[]}"#, r#"{"data":{"id":8}}"#, "<html>"] {
        let fault = read_one(&System::answers(200, &[], body), "7").await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Transient, "{body}");
    }
    let refused = read_one(&System::answers(400, &[], ""), "7").await.unwrap_err();
    assert_eq!(refused.kind, FaultKind::Record);
}

// Row 49 of the fault matrix.
#[tokio::test]
async fn an_id_that_walks_is_that_records_fault_and_is_not_asked_for() {
    let system = System::answers(200, &[], "{}");
    assert_eq!(read_one(&system, "..").await.unwrap_err().kind, FaultKind::Record);
    assert!(system.asked().is_empty());
}

#[tokio::test]
async fn signals_are_told_with_success_and_with_failure() {
    let headers = [("x-ratelimit-remaining", "3")];
    for status in [200, 500] {
        let system = System::answers(status, &headers, r#"{"data":[]}"#);
        let signals = of(&system, tokens()).read_page(&ReadFrom::default()).await.signals;
        assert_eq!((signals.status, signals.budget.unwrap().remaining), (Some(status), 3));
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_request_took_is_measured_on_the_engines_clock() {
    struct Slow;
    #[async_trait]
    impl crate::connect::http::Transport for Slow {
        async fn send(
            &self,
            _: http::Request<Bytes>,
            _: std::time::Duration,
            _: u64,
        ) -> Result<Response<Bytes>, crate::connect::http::TransportError> {
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            Ok(reply(200, &[], r#"{"data":[]}"#))
        }
    }
    let link = Link { transport: Arc::new(Slow), ..link(&System::answers(200, &[], "")) };
    let source = source(&job(tokens(), upserts()), &link).unwrap();
    assert_eq!(source.read_page(&ReadFrom::default()).await.signals.took, std::time::Duration::from_secs(3));
}

#[test]
fn a_template_that_can_not_be_read_is_told_when_the_job_is_built() {
    let system = System::answers(200, &[], "");
    let rest = RestSource { path: "/{{ broken".to_owned(), ..tokens() };
    let reason = source(&job(rest, upserts()), &link(&system)).err().unwrap();
    assert!(reason.contains("/{{ broken"), "{reason}");
}

#[tokio::test]
async fn credentials_in_the_query_go_with_every_page_and_are_in_no_cursor() {
    let next = format!("/api/customers?page=2&api_key={TOKEN}");
    let system = System::answers(200, &[], &format!(r#"{{"data":[],"next":"{next}"}}"#));
    let auth = Auth::Query { name: "api_key".to_owned(), value: Secret::new(TOKEN) };
    let rest = listing(Paginate::NextUrl { next: NextUrl::Body(pointer("/next")) });
    let source = source(&job(rest, upserts()), &testing::link_with(&system, Some(auth), &[])).unwrap();
    let page = source.read_page(&ReadFrom::default()).await.outcome.unwrap();
    assert_eq!(page.next, Some(Cursor("/api/customers?page=2".to_owned())));
    source.read_page(&at("/api/customers?page=2")).await.outcome.unwrap();
    assert_eq!(system.asked()[1], format!("GET /api/customers?page=2&api_key={TOKEN}"));
}
