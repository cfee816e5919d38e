//! Plausible records, each made from the seed, its collection and its number alone.

use fastrand::Rng;
use std::fmt::Write;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The collections that a shop is filled with.
pub(super) const COLLECTIONS: &[&str] = &["customers", "orders", "products", "invoices", "tickets"];

const FIRST_NAMES: &[&str] = &[
    "Zoë", "José", "Mia", "Łukasz", "Søren", "Amélie", "Ngọc", "Olga", "Noah", "Aïcha", "Björn", "Chloé", "Dmitri",
    "Emeka", "Farid", "Greta", "Hana", "Ivan", "Jun", "Kaja", "陽子", "Marta", "Nadia", "Omar", "Priya", "Quinn",
];
const LAST_NAMES: &[&str] = &[
    "Müller",
    "García",
    "Nowak",
    "Sørensen",
    "Dubois",
    "Nguyễn",
    "Petrova",
    "Smith",
    "Okafor",
    "Haddad",
    "Schmidt",
    "Rossi",
    "Kowalska",
    "Andersson",
    "Silva",
    "O'Brien",
    "田中",
    "Kaya",
    "Horvat",
    "Popescu",
    "Jensen",
    "van Dijk",
];
const CITIES: &[(&str, &str)] = &[
    ("Köln", "DE"),
    ("Kraków", "PL"),
    ("Austin", "US"),
    ("São Paulo", "BR"),
    ("Malmö", "SE"),
    ("Zürich", "CH"),
    ("Lyon", "FR"),
    ("Đà Nẵng", "VN"),
    ("Boston", "US"),
    ("Lagos", "NG"),
    ("Kyōto", "JP"),
    ("Galway", "IE"),
];
const STREETS: &[&str] =
    &["Rosenweg", "Mill Lane", "Rue du Four", "Ulica Długa", "Storgatan", "Bahnhofstraße", "Elm St"];
const COMPANIES: &[&str] =
    &["Bright Kitchens", "Nordlicht", "Tea & Sons", "Atelier Óscar", "Blue \"Moon\" Ltd", "Kavárna"];
const TIERS: &[&str] = &["bronze", "silver", "gold", "platinum"];
const PRODUCTS: &[&str] =
    &["Teapot", "Espresso cup", "Walnut board", "Linen apron", "Chef's knife", "Crème brûlée torch"];
const CURRENCIES: &[&str] = &["USD", "EUR", "GBP", "CHF"];

/// The mistakes that a record can carry of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    Phone,
    Email,
    Missing,
    Choice,
}

const MISTAKES: &[Mistake] = &[Mistake::Phone, Mistake::Email, Mistake::Missing, Mistake::Choice];

/// One record: its id, its text and its time in microseconds.
pub(super) struct Generated {
    pub id: String,
    pub body: String,
    pub at: i64,
}

/// What a record is made of.
#[derive(Clone, Copy)]
pub(super) struct Recipe<'a> {
    pub seed: u64,
    pub collection: &'a str,
    /// The first has number 1.
    pub number: u64,
    pub n_records: u64,
    /// The youngest record's time, microseconds.
    pub newest: i64,
    pub bad_fraction: f64,
}

/// The id of a record of `collection`.
pub(super) fn id_of(collection: &str, number: u64) -> String {
    let prefix: String = collection.chars().take(3).collect();
    format!("{prefix}_{number:06}")
}

/// Makes one record of about 450 bytes.
pub(super) fn record(recipe: Recipe<'_>) -> Generated {
    let Recipe { seed, collection, number, n_records, newest, bad_fraction } = recipe;
    let mut dice = Rng::with_seed(xxh3_64_with_seed(collection.as_bytes(), seed).wrapping_add(number));
    // Several records share each instant, as after an import; the numbers are in no order of time, as after edits.
    let instants = (n_records / 4).max(1);
    let at = newest - (dice.u64(0..instants) as i64) * 30_000_000;
    let mistake = (dice.f64() < bad_fraction).then(|| MISTAKES[dice.usize(0..MISTAKES.len())]);
    let id = id_of(collection, number);
    let body = body(&mut dice, collection, &id, number, at, mistake);
    Generated { id, body, at }
}

/// The text of a new record of `collection`.
pub(super) fn body(
    dice: &mut Rng,
    collection: &str,
    id: &str,
    number: u64,
    at: i64,
    mistake: Option<Mistake>,
) -> String {
    let mut text = String::with_capacity(512);
    let times = (time_text(at - 86_400_000_000 * 30), time_text(at));
    let written = match collection {
        "orders" => order(&mut text, dice, id, number, mistake),
        "products" => product(&mut text, dice, id, number),
        "invoices" => invoice(&mut text, dice, id, number, mistake),
        "tickets" => ticket(&mut text, dice, id, number),
        _ => customer(&mut text, dice, id, number, mistake),
    };
    written.expect("writing to a string can not fail");
    write!(text, r#","deleted":false,"created_at":"{}","updated_at":"{}"}}"#, times.0, times.1)
        .expect("writing to a string can not fail");
    text
}

/// A time as the shop writes it.
pub(super) fn time_text(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX).to_string()
}

fn pick<'a, T: ?Sized>(dice: &mut Rng, of: &[&'a T]) -> &'a T {
    of[dice.usize(0..of.len())]
}

fn customer(text: &mut String, dice: &mut Rng, id: &str, number: u64, mistake: Option<Mistake>) -> std::fmt::Result {
    let (first, last) = (pick(dice, FIRST_NAMES), pick(dice, LAST_NAMES));
    let (city, country) = CITIES[dice.usize(0..CITIES.len())];
    let company = serde_json::Value::from(pick(dice, COMPANIES));
    let email = match mistake {
        Some(Mistake::Email) => format!("\"customer{number}@@example\""),
        Some(Mistake::Missing) => "null".to_owned(),
        _ => format!("\"customer{number}@example.com\""),
    };
    let phone = match mistake {
        Some(Mistake::Phone) => "ask at the desk".to_owned(),
        _ => format!("(415) 555-{:04}", dice.u32(100..200)),
    };
    let tier = if mistake == Some(Mistake::Choice) { "tin" } else { pick(dice, TIERS) };
    write!(
        text,
        r#"{{"id":"{id}","kind":"customer","name":"{first} {last}","company":{company},"email":{email},"phone":"{phone}","address":{{"street":"{} {}","city":"{city}","country":"{country}"}},"tier":"{tier}","credit_limit":"${},{:03}.50","balance":{}.{:02},"tags":["newsletter","vip"],"marketing":{{"opt_in":{},"source":"web"}},"notes":"ordered {} times""#,
        dice.u32(1..120),
        pick(dice, STREETS),
        dice.u32(1..9),
        dice.u32(0..1000),
        dice.u32(0..5000),
        dice.u32(0..100),
        dice.bool(),
        dice.u32(0..40),
    )
}

fn order(text: &mut String, dice: &mut Rng, id: &str, number: u64, mistake: Option<Mistake>) -> std::fmt::Result {
    let total = match mistake {
        Some(Mistake::Phone | Mistake::Email) => "\"n/a\"".to_owned(),
        Some(Mistake::Missing | Mistake::Choice) => "99999999.00".to_owned(),
        None => format!("{}.{:02}", dice.u32(5..900), dice.u32(0..100)),
    };
    write!(
        text,
        r#"{{"id":"{id}","kind":"order","number":"2026-{number:07}","customer_id":"{}","total":{total},"currency":"{}","status":"{}","lines":[{{"sku":"SKU-{:04}","title":"{}","quantity":{},"price":{}.{:02}}},{{"sku":"SKU-{:04}","title":"{}","quantity":1,"price":12.50}}],"shipping":{{"method":"post","city":"{}","weight_g":{}}}"#,
        id_of("customers", dice.u64(1..1000)),
        pick(dice, CURRENCIES),
        pick(dice, &["open", "paid", "shipped", "returned"]),
        dice.u32(1..500),
        pick(dice, PRODUCTS),
        dice.u32(1..6),
        dice.u32(3..80),
        dice.u32(0..100),
        dice.u32(1..500),
        pick(dice, PRODUCTS),
        CITIES[dice.usize(0..CITIES.len())].0,
        dice.u32(100..9000),
    )
}

fn product(text: &mut String, dice: &mut Rng, id: &str, number: u64) -> std::fmt::Result {
    write!(
        text,
        r#"{{"id":"{id}","kind":"product","sku":"SKU-{number:04}","title":"{}","description":"Made by hand in {}, dishwasher safe, in four sizes and eleven colours. Packed without plastic.","price":{}.{:02},"stock":{},"barcode":{},"dimensions":{{"width_mm":{},"height_mm":{},"weight_g":{}}},"tags":["kitchen","gift"],"active":true"#,
        pick(dice, PRODUCTS),
        CITIES[dice.usize(0..CITIES.len())].0,
        dice.u32(3..400),
        dice.u32(0..100),
        dice.u32(0..800),
        // Thirteen digits and more: beyond what a float keeps.
        9_007_199_254_740_993_u64 + number,
        dice.u32(20..900),
        dice.u32(20..900),
        dice.u32(50..9000),
    )
}

fn invoice(text: &mut String, dice: &mut Rng, id: &str, number: u64, mistake: Option<Mistake>) -> std::fmt::Result {
    let currency = if mistake.is_some() { "BTC" } else { pick(dice, CURRENCIES) };
    write!(
        text,
        r#"{{"id":"{id}","kind":"invoice","number":"R-{number:08}","order_id":"{}","customer":{{"id":"{}","name":"{} {}"}},"currency":"{currency}","net":{}.{:02},"tax_rate":0.190,"paid":{},"due_in_days":{},"text":"Thank you for your order. Goods remain our property until they are paid in full.""#,
        id_of("orders", dice.u64(1..1000)),
        id_of("customers", dice.u64(1..1000)),
        pick(dice, FIRST_NAMES),
        pick(dice, LAST_NAMES),
        dice.u32(5..9000),
        dice.u32(0..100),
        dice.bool(),
        pick(dice, &["7", "14", "30"]),
    )
}

fn ticket(text: &mut String, dice: &mut Rng, id: &str, number: u64) -> std::fmt::Result {
    write!(
        text,
        r#"{{"id":"{id}","kind":"ticket","number":{number},"subject":"{} arrived broken","customer_id":"{}","priority":"{}","status":"{}","messages":[{{"from":"customer","text":"Hello, the parcel came today and one piece is cracked. What now?"}},{{"from":"desk","text":"We send a new one at once, please keep the old one."}}]"#,
        pick(dice, PRODUCTS),
        id_of("customers", dice.u64(1..1000)),
        pick(dice, &["low", "normal", "high"]),
        pick(dice, &["open", "waiting", "solved"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(collection: &str, number: u64, bad_fraction: f64) -> Recipe<'_> {
        Recipe { seed: 7, collection, number, n_records: 100, newest: 1_767_268_800_000_000, bad_fraction }
    }

    #[test]
    fn every_collection_makes_json_of_a_plausible_size() {
        for collection in COLLECTIONS {
            for number in 1..200 {
                let made = record(recipe(collection, number, 0.3));
                let value: serde_json::Value = serde_json::from_str(&made.body).expect("JSON");
                assert_eq!(value["id"], made.id.as_str());
                assert!((300..640).contains(&made.body.len()), "{} bytes: {}", made.body.len(), made.body);
            }
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_record() {
        assert_eq!(record(recipe("customers", 5, 0.0)).body, record(recipe("customers", 5, 0.0)).body);
        assert_ne!(record(recipe("customers", 5, 0.0)).body, record(recipe("customers", 6, 0.0)).body);
    }

    #[test]
    fn several_records_share_an_instant() {
        let mut times: Vec<i64> = (1..=100).map(|number| record(recipe("orders", number, 0.0)).at).collect();
        times.sort_unstable();
        times.dedup();
        assert!(times.len() < 60, "{} instants for 100 records", times.len());
    }
}
