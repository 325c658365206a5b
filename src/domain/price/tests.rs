//! Prices: what is one, what a call costs by it, and that no call costs more than its bound.

use super::*;
use proptest::prelude::*;

fn price(text: &str) -> Result<Price, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn the_built_in_price_can_be_checked_by_eye() {
    let price = price(r#"{"input":"1","output":"2"}"#).expect("valid");
    assert_eq!(price.cost(&Usage::new(3, 4)).to_string(), "0.000011");
    assert_eq!(price.basis(&Usage::new(3, 4)), "(3 input × 1.00 + 4 output × 2.00) / 1,000,000");
}

#[test]
fn cached_input_costs_its_own_price_and_a_fraction_rounds_up() {
    let price = price(r#"{"input":"2.50","cached_input":"1.25","output":"10.00"}"#).expect("valid");
    let usage = Usage { input: 100, cached_input: 40, output: 10, ..Usage::default() };
    assert_eq!(price.cost(&usage).nanos(), 60 * 2_500 + 40 * 1_250 + 10 * 10_000);
    let tiny = Price::per_million(Credits::from_nanos(1), Credits::ZERO);
    assert_eq!(tiny.cost(&Usage::new(1, 0)).nanos(), 1);
}

#[test]
fn the_classic_form_is_the_same_prices_written_another_way() {
    assert_eq!(price(r#"{"rate":"2.50","completion_multiplier":"4"}"#), price(r#"{"input":"2.50","output":"10"}"#));
}

#[test]
fn what_is_written_reads_back_the_same() {
    for text in [
        r#""free""#,
        r#"{"input":"2.50","cached_input":"1.25","cache_write":"3.00","cache_write_1h":"4.00","audio_input":"5.00","image_input":"6.00","output":"10.00","reasoning":"11.00","audio_output":"12.00","image_output":"13.00","per_image":"0.04","per_million_characters":"15.00","per_second":"0.0001","per_search":"0.01","per_request":"0.002","per_image_by":{"1024x1024":"0.04","hd/1024x1024":"0.08"},"per_second_by":{"1080p":"0.50"},"tiers":[{"above":200000,"input":"5.00","output":"15.00"}]}"#,
        r#"{"per_image":"0.04"}"#,
    ] {
        assert_eq!(serde_json::to_string(&price(text).expect(text)).expect("writes"), text);
    }
}

#[test]
fn what_is_not_a_price_is_refused() {
    for bad in [
        r#""cheap""#,
        "{}",
        r#"["1","2","3"]"#,
        r#"{"input":"-1","output":"1"}"#,
        r#"{"input":"1"}"#,
        r#"{"cached_input":"1"}"#,
        r#"{"input":"1","output":"1","per_mile":"1"}"#,
        r#"{"input":1,"output":2}"#,
        r#"{"rate":"1","completion_multiplier":"2","per_request":"1"}"#,
        r#"{"input":"1","output":"1","tiers":[{"above":0,"input":"2"}]}"#,
        r#"{"input":"1","output":"1","tiers":[{"above":9}]}"#,
        r#"{"input":"1","output":"1","tiers":[{"above":9,"input":"2"},{"above":9,"input":"3"}]}"#,
        r#"{"per_image_by":{"":"1"}}"#,
    ] {
        assert!(price(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_variant_costs_what_is_stated_of_it_of_its_size_or_of_its_quality() {
    let all = price(r#"{"per_image":"0.02","per_image_by":{"1024x1024":"0.04","hd/1024x1024":"0.08","low":"0.01"}}"#);
    let all = all.expect("valid");
    for (variant, each) in [
        ("hd/1024x1024", "0.08"),
        ("standard/1024x1024", "0.04"),
        ("low/512x512", "0.01"),
        ("1024x1024", "0.04"),
        ("512x512", "0.02"),
        ("", "0.02"),
    ] {
        let usage = Usage::of(Units { images: 3, ..Units::default() });
        assert_eq!(all.for_variant(variant).basis(&usage), format!("3 images × {each}"), "{variant}");
    }
    let without = price(r#"{"per_image_by":{"1024x1024":"0.04","hd/1024x1024":"0.08"}}"#).expect("valid");
    let one = Usage::of(Units { images: 1, ..Units::default() });
    assert_eq!(without.for_variant("").cost(&one).to_string(), "0.08", "the dearest, where nobody says which");
}

fn credits() -> impl Strategy<Value = Option<Credits>> {
    prop::option::of((0_i64..100_000_000_000).prop_map(Credits::from_nanos))
}

fn tokens() -> impl Strategy<Value = PerMillion> {
    prop::array::uniform10(credits()).prop_map(|prices| {
        Kind::TOKENS.into_iter().zip(prices).fold(PerMillion::default(), |tokens, (kind, price)| match price {
            Some(price) => tokens.with(kind, price),
            None => tokens,
        })
    })
}

fn any_price() -> impl Strategy<Value = Price> {
    let tiers = prop::collection::btree_map(1_u64..1_000_000, tokens(), 0..4);
    let others = prop::array::uniform5(credits());
    (tokens(), tiers, others).prop_map(|(tokens, tiers, [image, characters, second, request, search])| {
        let tiers = tiers.into_iter().map(|(above, tokens)| Tier { above, tokens }).collect();
        Rates {
            tokens,
            tiers,
            per_image: image,
            per_million_characters: characters,
            per_second: second,
            per_request: request,
            per_search: search,
            ..Rates::default()
        }
        .into()
    })
}

/// Any usage that fits into `input` and `output` tokens.
fn usage() -> impl Strategy<Value = Usage> {
    let parts = prop::array::uniform8(0_u64..2_000_000);
    let units = prop::array::uniform5(0_u64..10_000);
    ((0_u64..2_000_000, 0_u64..2_000_000), parts, units).prop_map(|((input, output), parts, units)| {
        let [
            cached_input,
            cache_write,
            cache_write_1h,
            audio_input,
            image_input,
            reasoning,
            audio_output,
            image_output,
        ] = parts;
        let [images, characters, audio_ms, video_ms, searches] = units;
        let usage = Usage {
            input,
            cached_input,
            cache_write,
            cache_write_1h,
            audio_input,
            image_input,
            output,
            reasoning,
            audio_output,
            image_output,
            units: Units { images, characters, audio_ms, video_ms, searches },
        };
        usage.within(input, output)
    })
}

fn most(usage: &Usage, more: [u64; 2]) -> Quantity {
    Quantity {
        input: usage.input + more[0],
        output: usage.output + more[1],
        units: usage.units,
        content: Content {
            has_media: usage.audio_input + usage.image_input > 0,
            writes_cache: usage.cache_write + usage.cache_write_1h > 0,
        },
    }
}

proptest! {
    #[test]
    fn no_call_costs_more_than_its_bound(
        price in any_price(), usage in usage(), more in prop::array::uniform2(0_u64..1_000_000),
    ) {
        let most = most(&usage, more);
        prop_assert!(price.cost(&usage) <= price.bound(&most));
        let anything = Quantity { content: Content::default(), ..most };
        prop_assert!(price.bound(&most) <= price.bound(&anything));
    }

    #[test]
    fn more_output_and_more_units_never_cost_less(price in any_price(), usage in usage()) {
        let more = Usage { output: usage.output + 1, ..usage };
        prop_assert!(price.cost(&usage) <= price.cost(&more));
        let images = usage.units.images + 1;
        let more = Usage { units: Units { images, ..usage.units }, ..usage };
        prop_assert!(price.cost(&usage) <= price.cost(&more));
    }

    #[test]
    fn the_output_that_money_affords_fits_it_and_one_token_more_does_not(
        price in any_price(), usage in usage(), nanos in 0_i64..10_000_000_000_000,
    ) {
        let most = most(&usage, [0, 0]);
        let afforded = price.affords(&most, Credits::from_nanos(nanos));
        let with = |output| price.bound(&Quantity { output, ..most }).nanos();
        if afforded == u64::MAX {
            prop_assert!(with(1_000_000_000) <= nanos);
        } else {
            prop_assert!(afforded == 0 || with(afforded) <= nanos);
            prop_assert!(with(afforded + 1) > nanos);
        }
    }

    #[test]
    fn a_call_is_priced_by_the_tier_that_its_whole_input_reaches(
        tiers in prop::collection::btree_map(1_u64..1_000_000, 1_i64..1_000_000, 0..5), input in 0_u64..1_000_000,
    ) {
        let each = |nanos: i64| PerMillion::default().with(Kind::Input, Credits::from_nanos(nanos * 1_000_000));
        let rates = Rates {
            tokens: each(7).with(Kind::Output, Credits::ZERO),
            tiers: tiers.iter().map(|(above, nanos)| Tier { above: *above, tokens: each(*nanos) }).collect(),
            ..Rates::default()
        };
        let nanos = tiers.range(..input).next_back().map_or(7, |(_, nanos)| *nanos);
        prop_assert_eq!(Price::from(rates).cost(&Usage::new(input, 0)).nanos(), input as i64 * nanos);
    }

    #[test]
    fn a_bill_adds_up_to_the_cost(price in any_price(), usage in usage()) {
        let sum: i128 = price.bill(&usage).iter().map(Line::exact).sum();
        prop_assert_eq!(rounded_up(sum), price.cost(&usage));
    }
}
