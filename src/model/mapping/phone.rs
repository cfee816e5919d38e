//! `phone`: telephone numbers in one style, read by the rules of their region.

use super::transform::{OptionError, OptionSpec, Options, TransformSpec, both, did_you_mean, wrong};
use super::value::{content, push_text};
use rlibphonenumber::enums::Region;
use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat};

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "phone",
    does: "reads a telephone number; writes `+1 (xxx) xxx-xxxx`",
    options: &[
        OptionSpec { name: "region", does: "the country (`US`) of numbers without a country code" },
        OptionSpec {
            name: "style",
            does: "`us` (other countries' numbers as `international`), `e164`, `international` or `national`",
        },
    ],
    build: |options| {
        let (region, style) = both(region(options), style(options))?;
        Ok(Box::new(move |value, out| {
            let text = content(value)?;
            push_text(out, &style.write(&read(&text, region)?));
            Ok(())
        }))
    },
};

#[derive(Clone, Copy)]
enum Style {
    Us,
    Plain(PhoneNumberFormat),
}

const STYLES: [(&str, Style); 4] = [
    ("us", Style::Us),
    ("e164", Style::Plain(PhoneNumberFormat::E164)),
    ("international", Style::Plain(PhoneNumberFormat::International)),
    ("national", Style::Plain(PhoneNumberFormat::National)),
];

fn region(options: &Options<'_>) -> Result<Option<Region>, Vec<OptionError>> {
    let Some(code) = options.text("region")? else { return Ok(None) };
    let known = |region: &Region| PHONE_NUMBER_UTIL.get_country_code_for_region(*region).is_some();
    match code.to_uppercase().parse::<Region>().ok().filter(known) {
        Some(region) => Ok(Some(region)),
        None => {
            let hint = "write the two letters of the country, like `US`".to_owned();
            Err(wrong("region", format!("unknown region `{code}`"), Some(hint)))
        }
    }
}

fn style(options: &Options<'_>) -> Result<Style, Vec<OptionError>> {
    let Some(name) = options.text("style")? else { return Ok(Style::Us) };
    match STYLES.iter().find(|(known, _)| *known == name) {
        Some((_, style)) => Ok(*style),
        None => {
            let hint = did_you_mean(name, STYLES.iter().map(|(name, _)| *name));
            Err(wrong("style", format!("unknown style `{name}`"), Some(hint)))
        }
    }
}

/// Numbers need a possible length, not an assigned area: new areas and numbers for tests are numbers too.
fn read(text: &str, region: Option<Region>) -> Result<PhoneNumber, String> {
    if region.is_none() && !text.trim_start().starts_with('+') {
        return Err("has no country code, and no `region` is set".to_owned());
    }
    let number = PHONE_NUMBER_UTIL.parse(text, region).map_err(|_| "is not a telephone number".to_owned())?;
    match number.is_possible_with_reason() {
        Ok(NumberLengthType::IsPossible) => Ok(number),
        Ok(NumberLengthType::IsPossibleLocalOnly) => Err("is a telephone number without its area code".to_owned()),
        Err(reason) => Err(format!("is not a telephone number: {}", reason.to_string().to_lowercase())),
    }
}

impl Style {
    fn write(self, number: &PhoneNumber) -> String {
        let format = match self {
            Self::Us if number.country_code == 1 => {
                let digits = rlibphonenumber::get_national_significant_number_owned(number);
                if let (10, Some((area, rest))) = (digits.len(), digits.split_at_checked(3)) {
                    let extension = match number.extension() {
                        "" => String::new(),
                        extension => format!(" ext. {extension}"),
                    };
                    return format!("+1 ({area}) {}-{}{extension}", &rest[..3], &rest[3..]);
                }
                PhoneNumberFormat::International
            }
            Self::Us => PhoneNumberFormat::International,
            Self::Plain(format) => format,
        };
        number.format_as(format).into_owned()
    }
}
