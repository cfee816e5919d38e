//! What the store promises, held against real files and against disks that fill up, break and lose power.

mod disk;
mod format;
mod held;
mod letters;
mod links;
mod open;
mod pages;
mod points;
mod search;
mod story;
