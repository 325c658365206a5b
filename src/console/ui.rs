//! The parts that pages are made of: native elements with the house's classes. They show what they are given, and fetch nothing.

pub(crate) mod browser;
pub mod budget;
pub mod chart;
pub mod copy;
pub mod dialog;
pub mod drawn;
pub mod field;
pub mod filters;
pub mod frame;
pub mod ledger;
pub mod live;
pub mod menu;
pub mod money;
pub mod notice;
pub mod pager;
pub mod place;
pub mod preferences;
pub mod shares;
pub mod sheet;
pub mod shortcuts;
pub mod sprite;
pub mod status;
pub mod tabs;
pub mod tip;
pub mod toast;
pub mod when;
