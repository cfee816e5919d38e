//! What mappings, filters and changed fields do, rule by rule.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn raw(json: &str) -> RawJson {
    RawJson::parse(json.to_owned()).expect("JSON")
}

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).expect("a pointer")
}

/// Reads a rule from JSON as the configuration does from TOML.
fn rule(field: &str, rule: Value) -> FieldRule {
    let Value::Object(mut keys) = rule else {
        let from = rule.as_str().expect("a pointer");
        return FieldRule { field: field.to_owned(), rule: Rule::Copy(plain_copy(from)) };
    };
    let rule = if let Some(value) = keys.remove("value") {
        Rule::Value(value)
    } else if let Some(expr) = keys.remove("expr") {
        Rule::Expr(expr.as_str().expect("an expression").to_owned())
    } else {
        let from = keys.remove("from").unwrap_or(json!("/v"));
        let flag = |value: Option<Value>| value.is_some_and(|value| value == Value::Bool(true));
        Rule::Copy(CopyRule {
            from: pointer(from.as_str().expect("a pointer")),
            default: keys.remove("default"),
            required: flag(keys.remove("required")),
            trim: flag(keys.remove("trim")),
            values: keys.remove("values").map(|values| values.as_object().expect("a table").clone()),
            otherwise: keys.remove("otherwise"),
            to: keys
                .remove("to")
                .map(|name| Transform { name: name.as_str().expect("a name").to_owned(), options: keys }),
        })
    };
    FieldRule { field: field.to_owned(), rule }
}

fn plain_copy(from: &str) -> CopyRule {
    CopyRule {
        from: pointer(from),
        default: None,
        required: false,
        trim: false,
        values: None,
        otherwise: None,
        to: None,
    }
}

fn mapping(rules: &[(&str, Value)]) -> Mapping {
    let rules: Vec<FieldRule> = rules.iter().map(|(field, keys)| rule(field, keys.clone())).collect();
    Mapping::compile(&rules).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn mistakes(rules: &[(&str, Value)]) -> Vec<RuleError> {
    let rules: Vec<FieldRule> = rules.iter().map(|(field, keys)| rule(field, keys.clone())).collect();
    Mapping::compile(&rules).err().expect("mistakes")
}

/// The value of one field made by `keys` of the record `{"v": value}`.
fn mapped(keys: Value, value: &str) -> Result<String, String> {
    let out = mapping(&[("f", keys)]).apply(&raw(&format!(r#"{{"v":{value}}}"#)));
    out.map_err(|rejection| rejection.message).map(|fields| {
        let found = pointer("/f").find(&fields).expect("readable JSON");
        found.map_or_else(|| "(left out)".to_owned(), |value| value.as_str().to_owned())
    })
}

#[track_caller]
fn assert_maps(keys: Value, cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        assert_eq!(mapped(keys.clone(), value).as_deref(), Ok(*expected), "{keys} of {value}");
    }
}

#[track_caller]
fn assert_refuses(keys: Value, cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        let message = mapped(keys.clone(), value).expect_err("refused");
        assert!(message.contains(expected), "{keys} of {value}: {message}");
    }
}

#[test]
fn mappings_and_filters_can_be_shared_between_tasks() {
    fn shared<T: Send + Sync>() {}
    shared::<Mapping>();
    shared::<Filter>();
}

// Row 46 of the fault matrix.
#[test]
fn what_is_only_copied_arrives_as_it_was_read() {
    for value in [
        "123456789012345678901234567890",
        "0.12345678901234567890123456789012345678",
        "1e400",
        "-0.0",
        "1.0",
        "1e2",
        r#""\u00fc \ud83d\ude00 \/ ü""#,
        r#""\ud800""#,
        r#"{ "b" : 1, "a" : [ 1 , 2 ], "a": 3 }"#,
        "null",
        "\"\"",
    ] {
        assert_eq!(mapped(json!("/v"), value).as_deref(), Ok(value));
    }
}

#[test]
fn fields_stand_in_the_order_of_the_rules_and_dots_nest() {
    let mapping = mapping(&[
        ("z", json!("name")),
        ("geo.lat", json!("/at/0")),
        ("a", json!({ "value": [1.5, "x"] })),
        ("geo.lon", json!("/at/1")),
        ("/x.y/~1", json!("name")),
        ("gone.deep", json!("nothing")),
    ]);
    let fields = mapping.apply(&raw(r#"{"at":[52.50,13.40],"name":"Ada"}"#)).expect("mapped");
    assert_eq!(fields.as_str(), r#"{"z":"Ada","geo":{"lat":52.50,"lon":13.40},"a":[1.5,"x"],"x.y":{"/":"Ada"}}"#);
}

#[test]
fn a_missing_field_is_left_out_defaulted_or_refused() {
    let record = raw(r#"{"other":1}"#);
    let apply = |keys: Value| mapping(&[("f", keys)]).apply(&record);
    assert_eq!(apply(json!({ "from": "nick" })).expect("mapped").as_str(), "{}");
    assert_eq!(apply(json!({ "from": "nick", "default": "" })).expect("mapped").as_str(), r#"{"f":""}"#);
    assert_eq!(
        apply(json!({ "from": "nick", "default": "A", "to": "lower" })).expect("mapped").as_str(),
        r#"{"f":"a"}"#
    );
    assert_eq!(
        apply(json!({ "from": "nick", "default": "", "to": "number" })).expect("mapped").as_str(),
        r#"{"f":""}"#
    );
    let rejection = apply(json!({ "from": "nick", "required": true })).expect_err("refused");
    assert_eq!(rejection.field, "f");
    assert!(rejection.message.contains("`/nick` is missing"), "{rejection:?}");
}

#[test]
fn null_stays_null_whatever_is_done_with_it() {
    for keys in [
        json!("/v"),
        json!({ "to": "number" }),
        json!({ "to": "phone", "region": "US" }),
        json!({ "default": "x", "required": true, "trim": true, "values": { "A": "B" }, "otherwise": "C", "to": "time" }),
    ] {
        assert_eq!(mapped(keys, "null").as_deref(), Ok("null"));
    }
}

#[test]
fn trim_comes_before_the_picklist_and_the_picklist_before_to() {
    let keys = json!({ "trim": true, "values": { "Tech": "Technology", "7": 9, "true": null }, "otherwise": "Other", "to": "upper" });
    assert_maps(keys, &[("\" Tech\\n\"", "\"TECHNOLOGY\""), ("\"x\"", "\"OTHER\""), ("7", "\"9\""), ("true", "null")]);
    assert_maps(
        json!({ "trim": true }),
        &[("\"  a \\\" b\\t\"", "\"a \\\" b\""), ("\"a\"", "\"a\""), ("5", "5"), ("[\" \"]", "[\" \"]")],
    );
}

#[test]
fn a_value_outside_of_a_picklist_is_refused_by_name() {
    let keys = json!({ "values": { "Tech": "Technology" } });
    assert_refuses(
        keys,
        &[("\"Tehc\"", "`Tehc` is not in `values`"), ("\"Tehc\"", "did you mean `Tech`?"), ("{}", "an object")],
    );
}

#[test]
fn text_writes_numbers_and_booleans_digit_by_digit() {
    assert_maps(
        json!({ "to": "text" }),
        &[("1.50", "\"1.50\""), ("true", "\"true\""), ("\"a\\u00fc\"", "\"aü\""), ("1e400", "\"1e400\"")],
    );
    assert_refuses(json!({ "to": "text" }), &[("[1]", "a list"), ("\"\\ud800\"", "surrogate")]);
}

#[test]
fn number_reads_what_people_write() {
    assert_maps(
        json!({ "to": "number" }),
        &[
            ("\"$1,200.50\"", "1200.5"),
            ("\" USD 1 234 567.00 \"", "1234567"),
            ("\"(1,200)\"", "-1200"),
            ("\"-€5\"", "-5"),
            ("\"€ -5.0\"", "-5"),
            ("\"+.5\"", "0.5"),
            ("\"007\"", "7"),
            ("\"12,34,567.8\"", "1234567.8"),
            ("\"1e400\"", "1e400"),
            ("\"-0.00\"", "0"),
            ("\"0.12345678901234567890123456789\"", "0.12345678901234567890123456789"),
            ("12345678901234567890.10", "12345678901234567890.10"),
            ("-0.0", "-0.0"),
        ],
    );
    assert_maps(json!({ "to": "number", "decimal": "," }), &[("\"1.200,50 €\"", "1200.5"), ("\"1,5\"", "1.5")]);
}

#[test]
fn number_refuses_what_could_mean_something_else() {
    assert_refuses(
        json!({ "to": "number" }),
        &[
            ("\"1,5\"", "`1,5` is not a number: `,` does not part thousands"),
            ("\"1.2.3\"", "`1.2.3` is not a number"),
            ("\"abc\"", "`abc` is not a number"),
            ("\"\"", "is empty"),
            ("\"12%\"", "not a number"),
            ("\"1e\"", "not a number"),
            ("\"--5\"", "not a number"),
            ("\"REF 1200\"", "not a number"),
            ("\"$\"", "not a number"),
            ("true", "is true, not a number"),
            ("[1]", "is a list, not a number"),
            ("\"NaN\"", "not a number"),
            ("\"1e99999999999\"", "not a number"),
        ],
    );
}

#[test]
fn integer_takes_whole_numbers_of_any_length() {
    assert_maps(
        json!({ "to": "integer" }),
        &[
            ("7", "7"),
            ("1200.0", "1200"),
            ("1.2e3", "1200"),
            ("\"1,200\"", "1200"),
            ("\"-3.00\"", "-3"),
            ("5000e-3", "5"),
            ("0.0", "0"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
        ],
    );
    assert_refuses(
        json!({ "to": "integer" }),
        &[
            ("1.5", "`1.5` is not a whole number"),
            ("0.05", "whole"),
            ("1e400000000", "too large"),
            ("false", "is false"),
        ],
    );
}

#[test]
fn boolean_reads_the_words_of_the_source() {
    assert_maps(
        json!({ "to": "boolean" }),
        &[("true", "true"), ("\" YES \"", "true"), ("1", "true"), ("\"off\"", "false"), ("0", "false")],
    );
    assert_maps(
        json!({ "to": "boolean", "yes": ["Ja", 2], "no": ["Nein", ""] }),
        &[("\"ja\"", "true"), ("2", "true"), ("\"\"", "false")],
    );
    assert_refuses(
        json!({ "to": "boolean" }),
        &[("\"perhaps\"", "`perhaps` is none of"), ("\"\"", "none of"), ("[]", "a list")],
    );
}

#[test]
fn time_reads_the_usual_ways_and_writes_rfc_3339() {
    assert_maps(
        json!({ "to": "time" }),
        &[
            ("\"2024-01-02T03:04:05+02:00\"", "\"2024-01-02T01:04:05Z\""),
            ("\"2024-01-02T03:04:05.000+0000\"", "\"2024-01-02T03:04:05Z\""),
            ("\"2024-01-02T03:04:05.123456Z\"", "\"2024-01-02T03:04:05.123456Z\""),
            ("\"Tue, 02 Jan 2024 03:04:05 GMT\"", "\"2024-01-02T03:04:05Z\""),
            ("1704164645", "\"2024-01-02T03:04:05Z\""),
            ("\"1704164645\"", "\"2024-01-02T03:04:05Z\""),
            ("1704164645123", "\"2024-01-02T03:04:05.123Z\""),
            ("1704164645.5", "\"2024-01-02T03:04:05.5Z\""),
            ("-1", "\"1969-12-31T23:59:59Z\""),
            ("\"2024-01-02 03:04:05\"", "\"2024-01-02T03:04:05Z\""),
            ("\"2024-01-02\"", "\"2024-01-02T00:00:00Z\""),
            ("\"20240102\"", "\"2024-01-02T00:00:00Z\""),
        ],
    );
    assert_refuses(
        json!({ "to": "time" }),
        &[
            ("\"soon\"", "`soon` is not a time"),
            ("\"\"", "is empty"),
            ("true", "is true"),
            ("1e400", "not a time"),
            ("99999999999999999999999", "not a time"),
            ("\"2024-02-30T00:00:00Z\"", "not a time"),
        ],
    );
}

#[test]
fn time_without_a_zone_is_at_home_where_the_rule_says() {
    let berlin = json!({ "to": "time", "zone": "Europe/Berlin" });
    assert_maps(
        berlin,
        &[
            ("\"2024-07-02T12:00:00\"", "\"2024-07-02T10:00:00Z\""),
            ("\"2024-07-02T12:00:00Z\"", "\"2024-07-02T12:00:00Z\""),
        ],
    );
    let german =
        json!({ "to": "time", "read": "%d.%m.%Y %H:%M", "write": "%Y/%m/%d %H:%M %:z", "zone": "Europe/Berlin" });
    assert_maps(german.clone(), &[("\"02.07.2024 12:30\"", "\"2024/07/02 12:30 +02:00\"")]);
    assert_refuses(german, &[("\"2024-07-02\"", "is not written as `%d.%m.%Y %H:%M`")]);
    assert_maps(json!({ "to": "time", "read": "%d.%m.%Y" }), &[("\"31.12.1999\"", "\"1999-12-31T00:00:00Z\"")]);
}

#[test]
fn date_keeps_the_day_that_the_source_wrote() {
    assert_maps(
        json!({ "to": "date" }),
        &[
            ("\"1980-05-06\"", "\"1980-05-06\""),
            ("\"2024-01-02T23:30:00-05:00\"", "\"2024-01-02\""),
            ("1704164645", "\"2024-01-02\""),
        ],
    );
    assert_maps(json!({ "to": "date", "zone": "Europe/Berlin" }), &[("\"2024-01-02T23:30:00Z\"", "\"2024-01-03\"")]);
    assert_maps(
        json!({ "to": "date", "read": "%d.%m.%Y", "write": "%m/%d/%Y" }),
        &[("\"31.12.1999\"", "\"12/31/1999\"")],
    );
}

#[test]
fn phone_writes_the_style_that_is_asked_for() {
    let us = json!({ "to": "phone", "region": "US" });
    assert_maps(
        us.clone(),
        &[
            ("\"(212) 555-0123\"", "\"+1 (212) 555-0123\""),
            ("\"2125550123\"", "\"+1 (212) 555-0123\""),
            ("2125550123", "\"+1 (212) 555-0123\""),
            ("\"+1 212.555.0123 ext 7\"", "\"+1 (212) 555-0123 ext. 7\""),
            ("\"+44 20 7183 8750\"", "\"+44 20 7183 8750\""),
        ],
    );
    assert_refuses(
        us,
        &[
            ("\"n/a\"", "`n/a` is not a telephone number"),
            ("\"12\"", "telephone number"),
            ("\"555-0123\"", "area code"),
            ("{}", "an object"),
        ],
    );
    let e164 = |style: &str| json!({ "to": "phone", "region": "us", "style": style });
    assert_maps(e164("e164"), &[("\"(212) 555-0123\"", "\"+12125550123\"")]);
    assert_maps(e164("international"), &[("\"(212) 555-0123\"", "\"+1 212-555-0123\"")]);
    assert_maps(e164("national"), &[("\"+12125550123\"", "\"(212) 555-0123\"")]);
    assert_refuses(json!({ "to": "phone" }), &[("\"2125550123\"", "no country code")]);
}

#[test]
fn letters_and_digits() {
    assert_maps(json!({ "to": "lower" }), &[("\"ÄB\"", "\"äb\"")]);
    assert_maps(json!({ "to": "upper" }), &[("\"straße\"", "\"STRASSE\"")]);
    assert_maps(json!({ "to": "digits" }), &[("\" +1 (2)-3\"", "\"+123\""), ("\"1+2\"", "\"12\""), ("\"x\"", "\"\"")]);
}

#[test]
fn split_and_join_go_there_and_back() {
    assert_maps(
        json!({ "to": "split" }),
        &[("\"a, b\\\",,c\"", r#"["a","b\"","","c"]"#), ("\"\"", "[]"), ("[1, 2]", "[1, 2]")],
    );
    assert_maps(json!({ "to": "split", "by": "; " }), &[("\"a; b\"", r#"["a","b"]"#)]);
    assert_maps(
        json!({ "to": "join", "by": "; " }),
        &[(r#"["a",1.0,null,true]"#, "\"a; 1.0; true\""), ("[]", "\"\""), ("\"x\"", "\"x\"")],
    );
    assert_refuses(json!({ "to": "join" }), &[("[[1]]", "holds something that is a list"), ("{}", "an object")]);
}

#[test]
fn hash_is_salted_and_stable() {
    let plain = "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"";
    assert_maps(json!({ "to": "hash" }), &[("\"hello\"", plain)]);
    assert_maps(json!({ "to": "hash", "salt": "hel" }), &[("\"lo\"", plain)]);
    assert_refuses(json!({ "to": "hash" }), &[("[]", "a list")]);
}

#[test]
fn json_goes_into_text_and_back() {
    assert_maps(json!({ "to": "json" }), &[(r#""{\"a\": 1.50}""#, r#"{"a": 1.50}"#), ("[1]", "[1]")]);
    assert_maps(json!({ "to": "json", "back": true }), &[(r#"{"a": "x"}"#, r#""{\"a\": \"x\"}""#)]);
    assert_refuses(json!({ "to": "json" }), &[("\"{oops\"", "holds no JSON"), ("\"\"", "holds no JSON")]);
}

#[test]
fn every_mistake_is_told_at_once_with_its_key_and_the_mend() {
    let found = mistakes(&[
        ("a", json!({ "to": "phon" })),
        ("b", json!({ "to": "phone", "regoin": "US", "style": "uss" })),
        ("c", json!({ "to": "number", "decimal": 5 })),
        ("d", json!({ "otherwise": "x" })),
        ("e", json!({ "expr": "record.x |" })),
        ("f", json!({ "expr": "recrod.x" })),
        ("g", json!({ "expr": "record.x | uper" })),
        ("h", json!({ "to": "time", "zone": "Europe/Berln", "write": "%!" })),
        ("i", json!("/v")),
        ("i.j", json!("/v")),
        ("i", json!("/v")),
        ("k..l", json!("/v")),
        ("", json!("/v")),
        ("m", json!({ "to": "lower", "by": "x" })),
        ("n", json!({ "to": "phone", "region": "XX" })),
        ("o", json!({ "to": "phone", "back": "txt" })),
        ("p", json!({ "to": "boolean", "yes": "ja" })),
    ]);
    let told: Vec<(&str, Option<&str>)> =
        found.iter().map(|error| (error.field.as_str(), error.key.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("a", Some("to")),
            ("b", Some("regoin")),
            ("b", Some("style")),
            ("c", Some("decimal")),
            ("d", Some("otherwise")),
            ("e", Some("expr")),
            ("f", Some("expr")),
            ("g", Some("expr")),
            ("h", Some("write")),
            ("h", Some("zone")),
            ("i.j", None),
            ("i", None),
            ("k..l", None),
            ("", None),
            ("m", Some("by")),
            ("n", Some("region")),
            ("o", Some("back")),
            ("p", Some("yes")),
        ]
    );
    let hint = |at: usize| found[at].hint.as_deref().unwrap_or_default();
    assert_eq!(hint(0), "did you mean `phone`?");
    assert_eq!(hint(1), "did you mean `region`?");
    assert_eq!(hint(2), "did you mean `us`?");
    assert!(found[6].problem.contains("`recrod`"), "{}", found[6].problem);
    assert!(found[7].problem.contains("did you mean `upper`?"), "{}", found[7].problem);
    assert_eq!(hint(9), "did you mean `Europe/Berlin`?");
    assert_eq!(hint(16), "did you mean `text`?");
    assert!(
        mistakes(&[("a", json!({ "to": "xyzzy" }))])[0].hint.as_deref().is_some_and(|hint| hint.contains("`phone`"))
    );
}

#[test]
fn the_other_direction_may_be_named_and_changes_nothing() {
    assert_maps(json!({ "to": "lower", "back": "text" }), &[("\"A\"", "\"a\"")]);
}

#[test]
fn an_expression_keeps_the_type_of_its_value() {
    let record =
        raw(r#"{"first":"Ada","last":"Lovelace","n":9007199254740993,"f":2.0,"tags":["a"],"ok":true,"none":null}"#);
    let mapping = mapping(&[
        ("full", json!({ "expr": "record.first ~ ' ' ~ record.last" })),
        ("n", json!({ "expr": "record.n" })),
        ("f", json!({ "expr": "record.f * 1.5" })),
        ("tags", json!({ "expr": "record.tags + ['b']" })),
        ("ok", json!({ "expr": "not record.ok" })),
        ("none", json!({ "expr": "record.none" })),
        ("whole", json!({ "expr": "record | length" })),
        ("nick", json!({ "expr": "record.nick | default('-')" })),
        ("has", json!({ "expr": "record.nick is defined" })),
    ]);
    assert_eq!(
        mapping.apply(&record).expect("mapped").as_str(),
        r#"{"full":"Ada Lovelace","n":9007199254740993,"f":3.0,"tags":["a","b"],"ok":false,"none":null,"whole":7,"nick":"-","has":false}"#
    );
}

#[test]
fn a_missing_field_in_an_expression_is_refused_by_name() {
    for expression in
        ["record.nick", "record.nick ~ 'x'", "record.nick.deep", "record.nick | upper", "record.nick == 1"]
    {
        let rejection = mapping(&[("f", json!({ "expr": expression }))]).apply(&raw("{}")).expect_err("refused");
        assert_eq!(rejection.field, "f");
        assert!(rejection.message.contains("record.nick"), "{expression}: {}", rejection.message);
    }
}

#[test]
fn every_transform_is_a_filter_of_expressions() {
    let record = raw(
        r#"{"tel":"(212) 555-0123","sum":"$1,200.50","when":1704164645,"word":" Ada ","list":"a,b","text":"{\"a\":1}"}"#,
    );
    for (expression, expected) in [
        ("record.tel | phone(region='US')", r#""+1 (212) 555-0123""#),
        ("record.tel | phone('US', style='e164')", r#""+12125550123""#),
        ("record.sum | number", "1200.5"),
        ("'1.200,50' | number(decimal=',') | integer | default(0) if false else 3", "3"),
        ("record.when | time", r#""2024-01-02T03:04:05Z""#),
        ("record.when | date", r#""2024-01-02""#),
        ("record.word | trim | lower", r#""ada""#),
        ("record.word | upper", r#"" ADA ""#),
        ("record.tel | digits", r#""2125550123""#),
        ("record.list | split(',') | join('-')", r#""a-b""#),
        ("'hello' | hash | length", "64"),
        ("(record.text | json).a", "1"),
        ("5 | text", r#""5""#),
        ("'7' | integer", "7"),
        ("'no' | boolean", "false"),
        ("none | number", "null"),
    ] {
        let fields = mapping(&[("f", json!({ "expr": expression }))]).apply(&record).expect("mapped");
        assert_eq!(fields.as_str(), format!(r#"{{"f":{expected}}}"#), "{expression}");
    }
    for spec in TRANSFORMS {
        assert_eq!(Filter::compile(&format!("record.x | {}", spec.name)).err(), None, "{}", spec.name);
    }
}

#[test]
fn a_filter_of_an_expression_refuses_with_the_value() {
    let refused = |expression: &str| {
        mapping(&[("f", json!({ "expr": expression }))]).apply(&raw(r#"{"v":"abc"}"#)).expect_err("refused")
    };
    assert_eq!(refused("record.v | number").message, "`abc` is not a number");
    assert!(refused("record.v | phone(regoin='US')").message.contains("regoin"));
    assert_eq!(refused("1 // 0").message, "unable to calculate 1 // 0");
}

// Row 111 of the fault matrix.
#[test]
fn data_is_never_a_template() {
    let record = raw(r#"{"v":"{{ record.secret }}${HOME}{% raw %}"}"#);
    let mapping =
        mapping(&[("a", json!("/v")), ("b", json!({ "to": "text" })), ("c", json!({ "expr": "record.v ~ ''" }))]);
    let text = r#""{{ record.secret }}${HOME}{% raw %}""#;
    assert_eq!(mapping.apply(&record).expect("mapped").as_str(), format!(r#"{{"a":{text},"b":{text},"c":{text}}}"#));
}

// Row 41 of the fault matrix.
#[test]
fn nesting_10_000_deep_is_copied_or_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        assert_eq!(mapped(json!("/v"), &deep).as_deref(), Ok(deep.as_str()));
        assert_eq!(mapped(json!({ "to": "json", "back": true }), &deep).map(|text| text.len() > deep.len()), Ok(true));
        assert!(mapped(json!({ "to": "number" }), &deep).is_err());
        assert!(mapped(json!({ "to": "join" }), &deep).is_err());
        assert_refuses(json!({ "expr": "record.v" }), &[(&deep, "recursion limit")]);
    }
    let text = Value::from("[".repeat(10_000) + &"]".repeat(10_000)).to_string();
    assert!(mapped(json!({ "to": "json" }), &text).is_ok());
}

// Row 45 of the fault matrix.
#[test]
fn of_equal_keys_the_last_counts_in_copies_and_expressions() {
    let mapping = mapping(&[("a", json!("/v/x")), ("b", json!({ "expr": "record.v.x" }))]);
    let record = raw(r#"{"v":{"x":1},"v":{"x":2,"x":3}}"#);
    assert_eq!(mapping.apply(&record).expect("mapped").as_str(), r#"{"a":3,"b":3}"#);
}

#[test]
fn a_refused_value_is_shown_cut_short() {
    let message = mapped(json!({ "to": "number" }), &format!("\"{}\"", "ä".repeat(5_000))).expect_err("refused");
    assert!(message.chars().count() < 120, "{message}");
    let message = mapped(json!({ "to": "number" }), &format!("\"{}\"", "ä".repeat(100))).expect_err("refused");
    assert_eq!(message, format!("`{}…` is not a number", "ä".repeat(60)));
}

#[test]
fn lineage_names_the_source_of_each_field() {
    let mapping = mapping(&[
        ("title", json!("Account.Name")),
        ("mail", json!({ "expr": "record.contact.email | lower" })),
        ("full", json!({ "expr": "record.first ~ record.last" })),
        ("source", json!({ "value": "shop" })),
    ]);
    let lineage: Vec<(String, Option<String>)> =
        mapping.lineage().into_iter().map(|(field, from)| (field, from.map(|from| from.to_string()))).collect();
    let expected =
        [("title", Some("/Account/Name")), ("mail", Some("/contact/email")), ("full", None), ("source", None)];
    assert_eq!(lineage, expected.map(|(field, from)| (field.to_owned(), from.map(str::to_owned))));
}

#[test]
fn a_filter_takes_records_by_its_expression() {
    let accepts =
        |expression: &str, record: &str| Filter::compile(expression).expect("an expression").accepts(&raw(record));
    assert_eq!(accepts("record.kind == 'customer'", r#"{"kind":"customer"}"#), Ok(true));
    assert_eq!(accepts("record.kind == 'customer'", r#"{"kind":"lead"}"#), Ok(false));
    assert_eq!(accepts("record.vip", "{}"), Ok(false));
    assert_eq!(accepts("record.tags and 'x' in record.tags", r#"{"tags":["x"]}"#), Ok(true));
    assert_eq!(accepts("record['a-b'] == 1", r#"{"a-b":1}"#), Ok(true));
    assert!(accepts("record.kind == 'customer'", "{}").expect_err("no answer").contains("`record.kind`"));
    assert!(Filter::compile("record.kind ==").is_err());
    assert!(Filter::compile("kind == 1").err().expect("refused").contains("`record.kind`"));
}

#[test]
fn changed_fields_are_those_that_differ_and_those_that_are_gone() {
    let changed =
        |before: &str, after: &str| changed_fields(&raw(before), &raw(after)).map(|json| json.as_str().to_owned());
    assert_eq!(changed(r#"{"a":1,"b":{"x":1}}"#, r#"{"b": {"x" : 1}, "a":1}"#), None);
    assert_eq!(changed(r#"{"a":1,"b":2}"#, r#"{"a":1,"b":3,"c":4}"#).as_deref(), Some(r#"{"b":3,"c":4}"#));
    assert_eq!(changed(r#"{"a":1,"b":null,"c":3}"#, r#"{"a":1}"#).as_deref(), Some(r#"{"c":null}"#));
    assert_eq!(changed(r#"{"a":"x y"}"#, r#"{"a":"x  y"}"#).as_deref(), Some(r#"{"a":"x  y"}"#));
    assert_eq!(changed(r#"{"a":"\" "}"#, r#"{"a":"\""}"#).as_deref(), Some(r#"{"a":"\""}"#));
    assert_eq!(changed(r#"{"a":1,"a":2}"#, r#"{"a":2}"#), None);
    assert_eq!(changed("[1, 2]", "[1,2]"), None);
    assert_eq!(changed("{}", "5").as_deref(), Some("5"));
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?",
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        Just(r#""\ud800\u0000\/""#.to_owned()),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec(("[a-c\u{fc}\"~/]{0,2}", inner), 0..6).prop_map(|members| {
                let members: Vec<String> =
                    members.into_iter().map(|(key, value)| format!("{}: {value}", Value::from(key))).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_rules_give_the_record_itself(json in any_json()) {
        let record = raw(&json);
        prop_assert_eq!(Mapping::compile(&[]).map_err(|_| ()).and_then(|mapping| mapping.apply(&record).map_err(|_| ())), Ok(record));
    }

    #[test]
    fn a_copy_is_the_same_byte_by_byte(json in any_json()) {
        prop_assert_eq!(mapped(json!("/v"), &json), Ok(json));
    }

    #[test]
    fn no_transform_breaks_on_any_value(json in any_json(), which in 0..TRANSFORMS.len()) {
        // `mapped` reads the result as JSON again.
        let _ = mapped(json!({ "to": TRANSFORMS[which].name, "trim": true }), &json);
    }

    #[test]
    fn texts_of_any_kind_are_converted_or_refused(text in "[-+0-9., $()eEA-Z%]{0,12}", which in 0..TRANSFORMS.len()) {
        let _ = mapped(json!({ "to": TRANSFORMS[which].name }), &Value::from(text).to_string());
    }
}
