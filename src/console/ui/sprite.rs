//! The drawings that pages refer to by name: the mark, the status signs, and the hatching of what is held.

use leptos::prelude::*;

/// Once, at the start of the body.
#[component]
pub(crate) fn Sprite() -> impl IntoView {
    view! {
        <svg class="sprite" aria-hidden="true" focusable="false" inner_html=DRAWINGS></svg>
    }
}

const DRAWINGS: &str = concat!(
    r#"<defs><pattern id="held" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">"#,
    r#"<rect class="hatch__paper" width="4" height="4"/><line class="hatch__line" x1="1" x2="1" y1="0" y2="4"/></pattern>"#,
    r#"<symbol id="mark" viewBox="0 0 22 22"><rect class="brand__ink" x="0" y="8" width="9" height="6"/>"#,
    r#"<rect class="brand__ink" x="11" y="8" width="4" height="6"/>"#,
    r#"<rect class="brand__post" x="17" y="1" width="4" height="20"/></symbol>"#,
    r#"<symbol id="flows" viewBox="0 0 12 12"><path d="M0 6h12M8 0v2.5M8 9.5V12"/></symbol>"#,
    r#"<symbol id="warns" viewBox="0 0 12 12"><path d="M0 6h12M8 0v4.4M8 7.6V12"/></symbol>"#,
    r#"<symbol id="blocks" viewBox="0 0 12 12"><path d="M0 6h7M8 0v12"/></symbol>"#,
    r#"<symbol id="off" viewBox="0 0 12 12"><path d="M0 6h3M8 0v12" stroke-width="1.5"/></symbol></defs>"#,
);
