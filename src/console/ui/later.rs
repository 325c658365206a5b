//! What the browser may see to a little later, so that it is never busy for long while a page loads.

use leptos::prelude::*;
use leptos::tachys::html::attribute::Attribute;
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::renderer::CastFrom;
use leptos::tachys::renderer::types::{Element, Node};
use leptos::tachys::view::any_view::AnyViewState;
use leptos::tachys::view::{Mountable, Position, PositionState, Render, RenderHtml};
use leptos::web_sys::js_sys::Date;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How long rows are woken in one go, in milliseconds: a part of what is felt as instant.
const SPELL: f64 = 8.0;

/// Whether the browser makes the page, at this moment, of what the server wrote. Never on the server.
pub fn is_hydrating() -> bool {
    Owner::current_shared_context().is_some_and(|shared| shared.during_hydration())
}

/// A row, or another single element, that is complete as the server wrote it: its links, forms and menus work as HTML. The
/// browser makes it its own only after the page answers to clicks, a few rows at a time; until then what is inside
/// neither follows signals nor has handlers of its own.
///
/// Nothing in it may be read from the server, and no attribute may follow a signal, nor may an address be asked for in it:
/// what has changed until it wakes would not be written, since hydrating trusts the HTML. Properties may.
pub fn later(view: impl FnOnce() -> AnyView + Send + 'static) -> AnyView {
    if is_server() { view() } else { Later { view: Box::new(view), blank: None, sleeps: true }.into_any() }
}

/// As [`later`], for a row of a table that is seldom in sight at first: where the browser makes the page itself, it makes
/// the row only once the rest is painted. Until then a blank one stands there.
pub fn after_paint(view: impl FnOnce() -> AnyView + Send + 'static) -> AnyView {
    let blank = Some(("tr", "ledger__blank"));
    if is_server() { view() } else { Later { view: Box::new(view), blank, sleeps: true }.into_any() }
}

/// As [`after_paint`], for a section below what is seen first. Nothing but sections that come in the same way may follow it:
/// it takes no room before it is there.
pub fn below(view: impl FnOnce() -> AnyView + Send + 'static) -> AnyView {
    let blank = Some(("div", ""));
    if is_server() { view() } else { Later { view: Box::new(view), blank, sleeps: true }.into_any() }
}

/// As [`below`], for a section that follows signals or is written in: what the server wrote of it wakes with the page.
pub fn below_and_awake(view: impl FnOnce() -> AnyView + Send + 'static) -> AnyView {
    let blank = Some(("div", ""));
    if is_server() { view() } else { Later { view: Box::new(view), blank, sleeps: false }.into_any() }
}

type View = Box<dyn FnOnce() -> AnyView + Send>;

struct Later {
    view: View,
    /// The element and its class that stand for it until the first paint, where the server did not write it.
    blank: Option<(&'static str, &'static str)>,
    /// Whether what the server wrote wakes later than the page.
    sleeps: bool,
}

enum Stage {
    Asleep {
        element: Element,
        owner: Owner,
        view: View,
        /// It holds the place alone: the server did not write it.
        is_blank: bool,
    },
    Awake(AnyViewState),
    /// For the moment in which it wakes.
    Waking,
}

struct LaterState(Rc<RefCell<Stage>>);

thread_local! {
    /// Who is still asleep, in the order of the page. A browser has one thread.
    static SLEEPERS: RefCell<VecDeque<Weak<RefCell<Stage>>>> = const { RefCell::new(VecDeque::new()) };
}

fn wake_soon(sleeper: &Rc<RefCell<Stage>>, soon: fn()) {
    let is_first = SLEEPERS.with_borrow_mut(|sleepers| {
        sleepers.push_back(Rc::downgrade(sleeper));
        sleepers.len() == 1
    });
    if is_first {
        soon();
    }
}

fn now() {
    set_timeout(wake_some, Duration::ZERO);
}

/// The frame is painted between its callbacks and the next timer.
fn once_painted() {
    request_animation_frame(now);
}

fn wake_some() {
    if SLEEPERS.with_borrow(VecDeque::is_empty) {
        return;
    }
    // First, so that the others wake even if one of these panics.
    now();
    let until = Date::now() + SPELL;
    while let Some(sleeper) = SLEEPERS.with_borrow_mut(VecDeque::pop_front) {
        // Whoever left the page meanwhile is gone.
        if let Some(sleeper) = sleeper.upgrade() {
            wake(&mut sleeper.borrow_mut());
        }
        if Date::now() >= until {
            break;
        }
    }
}

fn wake(stage: &mut Stage) {
    match std::mem::replace(stage, Stage::Waking) {
        Stage::Asleep { element, owner, view, is_blank: true } => *stage = owner.with(|| instead(&element, view)),
        Stage::Asleep { element, owner, view, is_blank: false } => {
            let here = PositionState::new(Position::Current);
            let state = owner.with(|| view().hydrate::<true>(&Cursor::new(element), &here));
            *stage = Stage::Awake(state);
        }
        awake => *stage = awake,
    }
}

/// Draws it where the element stands.
fn instead(element: &Element, view: View) -> Stage {
    let mut new = view().build();
    if let Some(parent) = element.parent_element() {
        new.mount(&parent, Some(element));
    }
    element.remove();
    Stage::Awake(new)
}

fn blank((tag, class): (&str, &str)) -> Option<Element> {
    let blank = document().create_element(tag).ok()?;
    _ = blank.set_attribute("class", class);
    Some(blank)
}

impl Render for Later {
    type State = LaterState;

    fn build(self) -> LaterState {
        let Self { view, blank: stands, .. } = self;
        let state = |stage| LaterState(Rc::new(RefCell::new(stage)));
        let (Some(element), Some(owner)) = (stands.and_then(blank), Owner::current()) else {
            return state(Stage::Awake(view().build()));
        };
        let state = state(Stage::Asleep { element, owner, view, is_blank: true });
        wake_soon(&state.0, once_painted);
        state
    }

    fn rebuild(self, state: &mut LaterState) {
        let stage = &mut *state.0.borrow_mut();
        match stage {
            Stage::Awake(state) => (self.view)().rebuild(state),
            // It was to change before it woke: another takes its place, so that a menu which is open in it closes.
            Stage::Asleep { element, .. } => *stage = instead(element, self.view),
            Stage::Waking => {}
        }
    }
}

impl AddAnyAttr for Later {
    type Output<NewAttr: Attribute> = Self;

    /// None of its kind is given any.
    fn add_any_attr<NewAttr: Attribute>(self, _: NewAttr) -> Self {
        self
    }
}

impl RenderHtml for Later {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    /// The server writes the view itself, and the browser no HTML.
    fn to_html_with_buf(self, _: &mut String, _: &mut Position, _: bool, _: bool, _: Vec<AnyAttribute>) {}

    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, position: &PositionState) -> LaterState {
        if !self.sleeps {
            let awake = (self.view)().hydrate::<FROM_SERVER>(cursor, position);
            return LaterState(Rc::new(RefCell::new(Stage::Awake(awake))));
        }
        match position.get() {
            Position::FirstChild => cursor.child(),
            Position::Current => {}
            _ => cursor.sibling(),
        }
        position.set(Position::NextChild);
        let Self { view, .. } = self;
        let stage = match (Element::cast_from(cursor.current()), Owner::current()) {
            (Some(element), Some(owner)) => Stage::Asleep { element, owner, view, is_blank: false },
            // Not what the server wrote: it is drawn, and what is there is left to whoever looks into it.
            _ => Stage::Awake(view().build()),
        };
        let state = LaterState(Rc::new(RefCell::new(stage)));
        wake_soon(&state.0, now);
        state
    }

    fn into_owned(self) -> Self {
        self
    }
}

impl Mountable for LaterState {
    fn unmount(&mut self) {
        match &mut *self.0.borrow_mut() {
            Stage::Asleep { element, .. } => element.remove(),
            Stage::Awake(state) => state.unmount(),
            Stage::Waking => {}
        }
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        match &mut *self.0.borrow_mut() {
            Stage::Asleep { element, .. } => _ = parent.insert_before(element, marker),
            Stage::Awake(state) => state.mount(parent, marker),
            Stage::Waking => {}
        }
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        match &*self.0.borrow() {
            Stage::Asleep { element, .. } => {
                let parent = element.parent_element();
                if let Some(parent) = &parent {
                    child.mount(parent, Some(element));
                }
                parent.is_some()
            }
            Stage::Awake(state) => state.insert_before_this(child),
            Stage::Waking => false,
        }
    }

    fn elements(&self) -> Vec<Element> {
        match &*self.0.borrow() {
            Stage::Asleep { element, .. } => vec![element.clone()],
            Stage::Awake(state) => state.elements(),
            Stage::Waking => Vec::new(),
        }
    }
}
