//! A page's sheet: its heading, then statements, each a strong rule with what is recorded under it.

use leptos::children::ViewFn;
use leptos::prelude::*;
use leptos_meta::Title;

/// The main part of a page. Dialogs and drawers stand beside it, not inside.
#[component]
pub fn Sheet(
    /// What is true here, in a few words; also the tab's title.
    #[prop(into)]
    title: String,
    /// Over it, for a page about one of many: where the many are, and what they are called.
    #[prop(optional, into)]
    crumb: Option<(&'static str, &'static str)>,
    /// One line under it: the range, the zone, the state of things.
    #[prop(optional, into)]
    lede: ViewFn,
    /// At the right of the heading: the live sign, the range, buttons.
    #[prop(optional, into)]
    actions: ViewFn,
    children: Children,
) -> impl IntoView {
    view! {
        <Title text=title.clone()/>
        <main class="sheet" id="sheet" tabindex="-1">
            <header class="sheet__head">
                <div>
                    {crumb.map(|(href, name)| view! { <p class="crumb"><a href=href>{name}</a></p> })}
                    <h1>{title}</h1>
                    <p class="sheet__lede">{lede.run()}</p>
                </div>
                <div class="sheet__actions">{actions.run()}</div>
            </header>
            {children()}
        </main>
    }
}

/// A part of a sheet, with a heading on its rule.
#[component]
pub fn Statement(
    #[prop(into)] title: String,
    /// Unique on the page; names the heading.
    #[prop(into)]
    id: String,
    /// At the right of the heading.
    #[prop(optional, into)]
    note: ViewFn,
    children: Children,
) -> impl IntoView {
    let heading = id.clone();
    view! {
        <section class="statement" aria-labelledby=heading>
            <header class="statement__head">
                <h2 id=id>{title}</h2>
                <p class="statement__note">{note.run()}</p>
            </header>
            {children()}
        </section>
    }
}

/// The row of figures at the top of a sheet; its children are [`Figure`]s of twelve twelfths together.
#[component]
pub fn Figures(children: Children) -> impl IntoView {
    view! {
        <section class="statement statement--first" aria-label="Figures">
            <div class="figures twelfths">{children()}</div>
        </section>
    }
}

/// One figure: what it is, how much, and what that means.
#[component]
pub fn Figure(
    #[prop(into)] label: String,
    /// Twelfths of the row.
    width: u8,
    /// Where the rows are that sum to it.
    #[prop(optional, into)]
    href: Option<String>,
    /// Under it: the change against the last period.
    #[prop(optional, into)]
    delta: ViewFn,
    /// The figure itself.
    children: Children,
) -> impl IntoView {
    let value = match href {
        Some(href) => view! { <a href=href>{children()}</a> }.into_any(),
        None => children().into_any(),
    };
    view! {
        <div class=format!("w-{width}")>
            <p class="figure__label">{label}</p>
            <p class="figure__value">{value}</p>
            <p class="figure__delta">{delta.run()}</p>
        </div>
    }
}
