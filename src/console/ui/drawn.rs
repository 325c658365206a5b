//! What draws itself again when what it read has changed. Each closure in a view is a type for which the browser gets the
//! whole machinery of drawing again; those that go through here are few types together.

use leptos::prelude::*;

/// A text that is kept true; for attributes.
pub type LiveText = Box<dyn Fn() -> String + Send + Sync>;

/// A part of a page that is drawn again.
pub fn drawn<V: IntoView + 'static>(draw: impl Fn() -> V + Send + Sync + 'static) -> AnyView {
    let draw: Box<dyn Fn() -> AnyView + Send + Sync> = Box::new(move || draw().into_any());
    draw.into_any()
}

/// A text that is written again; also the value of an attribute.
pub fn text(write: impl Fn() -> String + Send + Sync + 'static) -> LiveText {
    Box::new(write)
}

/// The value of an attribute that may be missing.
pub fn word(
    write: impl Fn() -> Option<&'static str> + Send + Sync + 'static,
) -> Box<dyn Fn() -> Option<&'static str> + Send + Sync> {
    Box::new(write)
}

/// Does something in the browser once the page is drawn, and again whenever what it read has changed.
pub fn effect(run: impl FnMut() + 'static) {
    boxed_effect(Box::new(run));
}

fn boxed_effect(mut run: Box<dyn FnMut()>) {
    Effect::new(move |_| run());
}

/// A value that tells of its changes only where it differs.
pub fn memo<T: PartialEq + Send + Sync + 'static>(read: impl Fn() -> T + Send + Sync + 'static) -> Memo<T> {
    boxed_memo(Box::new(read))
}

fn boxed_memo<T: PartialEq + Send + Sync + 'static>(read: Box<dyn Fn() -> T + Send + Sync>) -> Memo<T> {
    Memo::new(move |_| read())
}

/// Draws many of one kind.
pub trait Views {
    fn views(self) -> AnyView;
}

impl<V: IntoView + 'static, I: Iterator<Item = V>> Views for I {
    fn views(self) -> AnyView {
        let views: Vec<AnyView> = self.map(IntoAny::into_any).collect();
        views.into_any()
    }
}
