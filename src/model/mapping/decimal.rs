//! Decimal numbers as people write them, kept as digits so that no digit is lost.

/// A number: sign, digits before and after the decimal sign (without needless zeros), power of ten.
pub(super) struct Decimal {
    negative: bool,
    whole: String,
    fraction: String,
    exponent: i32,
}

/// A whole number is not written out beyond this power of ten.
const EXPONENT_MAX: i32 = 400;

impl Decimal {
    /// Reads digits with thousands parted, a currency sign or code before or behind, a sign or accountants' parentheses.
    pub(super) fn read(text: &str, decimal: char) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("is empty, not a number".to_owned());
        }
        let (negative, digits) = without_signs(text.trim());
        let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| no_number())?),
            None => (digits, 0),
        };
        let (whole, fraction) = mantissa.split_once(decimal).unwrap_or((mantissa, ""));
        let whole = without_thousands(whole, decimal)?;
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !is_digits(&whole) || !is_digits(fraction) {
            return Err(no_number());
        }
        Ok(Self {
            negative,
            whole: whole.trim_start_matches('0').to_owned(),
            fraction: fraction.trim_end_matches('0').to_owned(),
            exponent,
        })
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    pub(super) fn to_json(&self) -> String {
        if self.is_zero() {
            return "0".to_owned();
        }
        let sign = if self.negative { "-" } else { "" };
        let whole = if self.whole.is_empty() { "0" } else { &self.whole };
        let point = if self.fraction.is_empty() { "" } else { "." };
        let power = if self.exponent == 0 { String::new() } else { format!("e{}", self.exponent) };
        format!("{sign}{whole}{point}{}{power}", self.fraction)
    }

    /// The digits of a whole number; refuses one that is none.
    pub(super) fn whole_digits(&self) -> Result<String, String> {
        if self.is_zero() {
            return Ok("0".to_owned());
        }
        if EXPONENT_MAX < self.exponent.abs() {
            return Err("is too large or too small to be written as a whole number".to_owned());
        }
        let digits = format!("{}{}", self.whole, self.fraction);
        let fraction = i32::try_from(self.fraction.len()).map_err(|_| no_number())?;
        let shift = self.exponent - fraction;
        let digits = if shift < 0 {
            let cut = digits.len().saturating_sub(shift.unsigned_abs() as usize);
            let (whole, rest) = digits.split_at(cut);
            if rest.bytes().any(|byte| byte != b'0') || whole.is_empty() {
                return Err("is not a whole number".to_owned());
            }
            whole.to_owned()
        } else {
            digits + &"0".repeat(shift.unsigned_abs() as usize)
        };
        let digits = digits.trim_start_matches('0');
        Ok(format!("{}{digits}", if self.negative { "-" } else { "" }))
    }
}

fn no_number() -> String {
    "is not a number".to_owned()
}

/// Takes away signs, currencies and spaces from both ends.
fn without_signs(text: &str) -> (bool, &str) {
    let (mut negative, mut rest) = match text.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')) {
        Some(inside) => (true, inside),
        None => (false, text),
    };
    let mut signed = negative;
    // Each turn takes a sign away, so this ends with the text.
    loop {
        rest = rest.trim();
        if !signed && let Some(behind) = rest.strip_prefix(['-', '−']) {
            (negative, signed, rest) = (true, true, behind);
        } else if !signed && let Some(behind) = rest.strip_prefix('+') {
            (signed, rest) = (true, behind);
        } else if let Some(behind) = rest.strip_prefix(is_currency).or_else(|| behind_code(rest)) {
            rest = behind;
        } else if let Some(before) = rest.strip_suffix(is_currency).or_else(|| before_code(rest)) {
            rest = before;
        } else {
            return (negative, rest);
        }
    }
}

fn is_currency(sign: char) -> bool {
    matches!(sign, '$' | '¢' | '£' | '¤' | '¥' | '฿' | '\u{20a0}'..='\u{20c0}')
}

/// ISO 4217. Other letters are no currency: `REF 1200` is no amount.
const CURRENCIES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN \
    BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD \
    HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD \
    MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON \
    RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX \
    USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";

fn is_code(code: &str) -> bool {
    CURRENCIES.split_ascii_whitespace().any(|known| known == code)
}

/// What follows a currency's code: `USD 5`.
fn behind_code(text: &str) -> Option<&str> {
    text.split_at_checked(3).and_then(|(code, behind)| is_code(code).then_some(behind))
}

fn before_code(text: &str) -> Option<&str> {
    let (before, code) = text.split_at_checked(text.len().checked_sub(3)?)?;
    is_code(code).then_some(before)
}

/// Takes the signs between thousands away, and only there: `1,5` must not become 15.
fn without_thousands(whole: &str, decimal: char) -> Result<String, String> {
    let is_sign =
        |sign: char| sign != decimal && matches!(sign, ',' | '.' | ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’' | '_');
    let Some(sign) = whole.chars().find(|sign| is_sign(*sign)) else { return Ok(whole.to_owned()) };
    let groups: Vec<&str> = whole.split(sign).collect();
    let last = groups.len() - 1;
    let fits = groups.iter().enumerate().all(|(at, group)| match at {
        0 => (1..=3).contains(&group.len()),
        // India parts lakhs and crores by two digits.
        _ if at < last => (2..=3).contains(&group.len()),
        _ => group.len() == 3,
    });
    if !fits {
        return Err(format!("is not a number: `{sign}` does not part thousands here (see the option `decimal`)"));
    }
    Ok(groups.concat())
}
