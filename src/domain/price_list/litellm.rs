//! LiteLLM's `model_prices_and_context_window.json`: one object, an entry a model, credits for one token, image, second.
//! Source of the fields: the file's own `sample_spec` and what its entries use.

use super::{Fields, Listed, PriceList, abilities, settled};
use crate::domain::credits::Credits;
use crate::domain::price::{Kind, PerMillion, Rates, Tier};

/// Ten to this power is a million.
const MILLION: i32 = 6;

const TOKENS: [(&str, Kind); 10] = [
    ("input_cost_per_token", Kind::Input),
    ("cache_read_input_token_cost", Kind::CachedInput),
    ("cache_creation_input_token_cost", Kind::CacheWrite),
    ("cache_creation_input_token_cost_above_1hr", Kind::CacheWrite1h),
    ("input_cost_per_audio_token", Kind::AudioInput),
    ("input_cost_per_image_token", Kind::ImageInput),
    ("output_cost_per_token", Kind::Output),
    ("output_cost_per_reasoning_token", Kind::Reasoning),
    ("output_cost_per_audio_token", Kind::AudioOutput),
    ("output_cost_per_image_token", Kind::ImageOutput),
];

/// Prices of other ways to ask for the same: this house asks for none of them.
const OTHER_SERVICE: [&str; 6] = ["_batches", "_priority", "_flex", "_balanced", "_ultrafast", "_decisions"];

pub(super) fn read(text: &str, provider: Option<&str>) -> Result<PriceList, String> {
    let entries = Fields::read(text).ok_or("This is no LiteLLM price file: it is not one object of models.")?;
    let mut list = PriceList::default();
    for name in entries.names().filter(|name| *name != "sample_spec") {
        let Some(entry) = entries.fields(name) else {
            list.note(name.to_owned(), Err("its entry is no object".to_owned()));
            continue;
        };
        if provider.is_some_and(|provider| entry.of::<String>("litellm_provider").as_deref() != Some(provider)) {
            continue;
        }
        list.note(name.to_owned(), listed(name, &entry));
    }
    match list == PriceList::default() && provider.is_none() {
        true => Err("This is no LiteLLM price file: it lists no model.".to_owned()),
        false => Ok(list),
    }
}

/// What is priced by what, as the file tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Chat,
    Embedding,
    Moderation,
    Rerank,
    Images,
    Speech,
    Transcription,
    Video,
}

fn mode(entry: &Fields) -> Result<Mode, String> {
    let mode: String = entry.of("mode").ok_or("it does not say its mode")?;
    match mode.as_str() {
        "chat" | "responses" | "completion" | "realtime" => Ok(Mode::Chat),
        "embedding" => Ok(Mode::Embedding),
        "moderation" => Ok(Mode::Moderation),
        "rerank" => Ok(Mode::Rerank),
        "image_generation" | "image_edit" => Ok(Mode::Images),
        "audio_speech" => Ok(Mode::Speech),
        "audio_transcription" => Ok(Mode::Transcription),
        "video_generation" => Ok(Mode::Video),
        _ => Err(format!("nothing here is asked for in mode {mode}")),
    }
}

fn listed(name: &str, entry: &Fields) -> Result<Listed, String> {
    let mode = mode(entry)?;
    let provider: String = entry.of("litellm_provider").ok_or("it does not say its provider")?;
    if name.contains("-x-") || name.split('/').any(|part| part.ends_with("-steps")) {
        return Err("it is a size or a quality of a model, listed as if it were one".to_owned());
    }
    let mut reader = Reader { entry, taken: Vec::new() };
    let rates = reader.rates(mode)?;
    let left_out = reader.left_out();
    let does = |name: &str| entry.is(name);
    let capabilities = abilities([
        (mode == Mode::Chat, "chat"),
        (does("supports_vision"), "vision"),
        (does("supports_function_calling"), "tools"),
        (mode == Mode::Chat, "streaming"),
        (does("supports_reasoning"), "reasoning"),
        (
            does("supports_audio_input")
                || does("supports_audio_output")
                || matches!(mode, Mode::Speech | Mode::Transcription),
            "audio",
        ),
        (mode == Mode::Images, "images"),
        (mode == Mode::Embedding, "embeddings"),
    ]);
    let most = |names: [&str; 2]| names.into_iter().find_map(|name| entry.count(name)).filter(|count| *count > 0);
    Ok(Listed {
        name: name.to_owned(),
        provider,
        context_length: most(["max_input_tokens", "max_tokens"]),
        max_output_tokens: entry.count("max_output_tokens").filter(|count| *count > 0),
        capabilities,
        price: settled(rates)?,
        left_out,
    })
}

/// Takes prices out of an entry, and remembers which it took.
struct Reader<'e, 'a> {
    entry: &'e Fields<'a>,
    taken: Vec<String>,
}

impl Reader<'_, '_> {
    fn take(&mut self, name: &str, shift: i32) -> Result<Option<Credits>, String> {
        self.taken.push(name.to_owned());
        self.entry.credits(name, shift)
    }

    fn rates(&mut self, mode: Mode) -> Result<Rates, String> {
        let mut rates = Rates { tokens: self.tokens("")?, ..Rates::default() };
        rates.tiers = self.tiers()?;
        self.by_range(&mut rates)?;
        let is_by_token = !rates.tokens.is_empty();
        match mode {
            Mode::Images if rates.tokens.stated(Kind::ImageOutput).is_none() => {
                rates.per_image = self.one_of(["output_cost_per_image", "input_cost_per_image"])?;
            }
            Mode::Speech => rates.per_million_characters = self.take("input_cost_per_character", MILLION)?,
            Mode::Transcription if !is_by_token => {
                rates.per_second = self.one_of(["input_cost_per_second", "output_cost_per_second"])?;
            }
            Mode::Video => self.video(&mut rates)?,
            Mode::Rerank => rates.per_search = self.take("input_cost_per_query", 0)?,
            _ => {}
        }
        rates.per_request = self.take("input_cost_per_request", 0)?;
        if mode == Mode::Chat {
            rates.per_search = self.search()?;
        }
        rates.tokens = whole(rates.tokens, mode)?;
        Ok(rates)
    }

    /// The prices of tokens whose fields end so.
    fn tokens(&mut self, ending: &str) -> Result<PerMillion, String> {
        TOKENS.into_iter().try_fold(PerMillion::default(), |tokens, (name, kind)| {
            let price = self.take(&format!("{name}{ending}"), MILLION)?;
            Ok(price.map_or(tokens, |price| tokens.with(kind, price)))
        })
    }

    /// `input_cost_per_token_above_200k_tokens` and its like.
    fn tiers(&mut self) -> Result<Vec<Tier>, String> {
        let thousands = self.entry.names().filter_map(|name| {
            let (_, above) = name.strip_suffix("k_tokens")?.rsplit_once("_above_")?;
            above.parse::<u64>().ok()
        });
        let mut thousands: Vec<u64> = thousands.collect();
        thousands.sort_unstable();
        thousands.dedup();
        let tiers = thousands
            .into_iter()
            .map(|above| Ok(Tier { above: above * 1_000, tokens: self.tokens(&format!("_above_{above}k_tokens"))? }));
        let tiers: Result<Vec<Tier>, String> = tiers.collect();
        Ok(tiers?.into_iter().filter(|tier| !tier.tokens.is_empty()).collect())
    }

    /// `tiered_pricing`: a list of prices, each for inputs longer than its range begins.
    fn by_range(&mut self, rates: &mut Rates) -> Result<(), String> {
        let Some(text) = self.entry.raw("tiered_pricing") else { return Ok(()) };
        self.taken.push("tiered_pricing".to_owned());
        let odd = || "`tiered_pricing` is not written as it is elsewhere".to_owned();
        let list: Vec<&serde_json::value::RawValue> = serde_json::from_str(text).map_err(|_| odd())?;
        if !rates.tokens.is_empty() || !rates.tiers.is_empty() {
            return Err("it has two kinds of tiers".to_owned());
        }
        for each in list {
            let fields = Fields::read(each.get()).ok_or_else(odd)?;
            let range = Fields::read(&format!(
                "{{\"from\":{}}}",
                fields.raw("range").and_then(|range| range.strip_prefix('[')?.split(',').next()).ok_or_else(odd)?
            ))
            .and_then(|range| range.count("from"))
            .ok_or_else(odd)?;
            let mut reader = Reader { entry: &fields, taken: vec!["range".to_owned()] };
            let tokens = reader.tokens("")?;
            if let Some(other) = fields.names().find(|name| !reader.taken.iter().any(|taken| taken == name)) {
                return Err(format!("a tier has `{other}`, which is not known here"));
            }
            match range {
                0 => rates.tokens = tokens,
                above => rates.tiers.push(Tier { above, tokens }),
            }
        }
        Ok(())
    }

    /// The one price that several fields state.
    fn one_of(&mut self, names: [&str; 2]) -> Result<Option<Credits>, String> {
        let stated = [self.take(names[0], 0)?, self.take(names[1], 0)?];
        match stated.map(|price| price.filter(|price| *price > Credits::ZERO)) {
            [Some(one), Some(other)] if one != other => {
                Err(format!("`{}` and `{}` differ, and which of them counts is not said", names[0], names[1]))
            }
            [one, other] => Ok(one.or(other)),
        }
    }

    fn video(&mut self, rates: &mut Rates) -> Result<(), String> {
        rates.per_second = self.one_of(["output_cost_per_second", "output_cost_per_video_per_second"])?;
        const ENTRY: &str = "output_cost_per_second_";
        let variants = self.entry.names().filter_map(|name| name.strip_prefix(ENTRY)).map(str::to_owned);
        for variant in variants.collect::<Vec<_>>() {
            if let Some(price) = self.take(&format!("{ENTRY}{variant}"), 0)? {
                rates.per_second_by.insert(variant, price);
            }
        }
        Ok(())
    }

    /// What a search of the web costs, where it costs the same however much it reads.
    fn search(&mut self) -> Result<Option<Credits>, String> {
        const NAME: &str = "search_context_cost_per_query";
        let Some(sizes) = self.entry.fields(NAME) else { return Ok(None) };
        let mut prices = Vec::new();
        for size in ["search_context_size_low", "search_context_size_medium", "search_context_size_high"] {
            prices.push(sizes.credits(size, 0)?);
        }
        prices.dedup();
        let [only] = prices[..] else { return Ok(None) };
        self.taken.push(NAME.to_owned());
        Ok(only)
    }

    /// Fields that price something and were not taken.
    fn left_out(&self) -> Vec<String> {
        let is_price = |name: &&str| name.contains("cost") || name.contains("pricing");
        let is_other = |name: &&str| OTHER_SERVICE.iter().any(|ending| name.ends_with(ending));
        let is_taken = |name: &&str| self.taken.iter().any(|taken| taken == name);
        let names = self.entry.names().filter(is_price).filter(|name| !is_other(name) && !is_taken(name));
        // Zeros price nothing.
        let names = names.filter(|name| !matches!(self.entry.credits(name, 0), Ok(Some(Credits::ZERO))));
        names.map(str::to_owned).collect()
    }
}

/// Input and output priced both, where any token is. Of some models only the kind is priced that they make or take.
fn whole(tokens: PerMillion, mode: Mode) -> Result<PerMillion, String> {
    if tokens.is_empty() {
        return Ok(tokens);
    }
    let dearest = |kinds: [Kind; 2]| kinds.into_iter().filter_map(|kind| tokens.stated(kind)).max();
    let answers_nothing = matches!(mode, Mode::Embedding | Mode::Moderation | Mode::Rerank);
    let input = tokens.stated(Kind::Input).or(dearest([Kind::AudioInput, Kind::ImageInput]));
    let output = tokens.stated(Kind::Output).or(dearest([Kind::AudioOutput, Kind::ImageOutput]));
    let output = output.or(answers_nothing.then_some(Credits::ZERO));
    match (input, output) {
        (Some(input), Some(output)) => Ok(tokens.with(Kind::Input, input).with(Kind::Output, output)),
        (None, _) => Err("its input has no price".to_owned()),
        (_, None) => Err("its output has no price".to_owned()),
    }
}
