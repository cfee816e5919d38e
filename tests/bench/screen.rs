//! The console over a million dead letters: what a frame costs on each screen, and what a key costs until its frame.
//!
//! `cargo bench --bench screen`; `BENCH_LETTERS` makes it smaller. The engine's side (questions to the state) is told
//! apart from the console's own (taking a key in, drawing), because only the second holds the screen up.

#[path = "state/house.rs"]
mod house;
#[path = "state/mod.rs"]
mod state;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use std::time::Instant;
use syncdeck::control::{Handle, local::Local};
use syncdeck::engine::clock::SystemClock;
use syncdeck::model::{Actor, Clock, Via};
use syncdeck::store::{Options, Store};
use syncdeck::tui::theme::{Depth, Theme, look};
use syncdeck::tui::{App, Effect, Msg, Settings, text::Symbols, update, view};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZE: (u16, u16) = (120, 36);
const FRAMES: usize = 500;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        measure_customers().await;
        measure().await;
    });
}

async fn measure() {
    let letters = state::number("BENCH_LETTERS", 1_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), &Options::default()).expect("a state");
    state::fill_letters(&store, letters).await;
    let mut stage = Stage::new(store, "").await;
    // The keys that lead to each screen, from wherever the one before left off.
    for (screen, keys) in [
        ("jobs", "1"),
        ("job", "1 enter"),
        ("dead letters by cause", "2"),
        ("dead letters of a cause", "2 enter"),
        ("one dead letter", "2 enter enter"),
        ("checkpoints", "4"),
        ("logs", "7"),
        ("help", "1 ?"),
    ] {
        let (mut own, mut asked) = (0.0, 0.0);
        for key in keys.split(' ') {
            let (mine, engines) = stage.press(key).await;
            own += mine;
            asked += engines;
        }
        let frames = stage.frames();
        println!(
            "{screen}: a frame {:.3} ms (p99 {:.3}; want 2: {}); its keys {own:.3} ms here, {asked:.1} ms at the engine",
            frames.0,
            frames.1,
            if frames.1 <= 2.0 { "reached" } else { "MISSED" },
        );
        stage.press("esc").await;
    }
    stage.keys("2 enter").await;
    for (what, key) in [("down", "down"), ("a page down", "pgdn"), ("to the end", "end"), ("to the start", "home")] {
        let mut own = Vec::new();
        let mut whole = Vec::new();
        for _ in 0..200 {
            let started = Instant::now();
            let (mut mine, _) = stage.press(key).await;
            let drawn = Instant::now();
            stage.draw();
            mine += drawn.elapsed().as_secs_f64() * 1_000.0;
            own.push(mine);
            whole.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        let (own, whole) = (sorted(own), sorted(whole));
        println!(
            "key to frame, {what} in {letters} letters: p50 {:.3} ms, p99 {:.3} ms (want 20); with the rows that the engine gives p99 {:.3} ms",
            own[100], own[197], whole[197]
        );
    }
}

/// Five hundred customers with four jobs each.
fn customers() -> String {
    let head = r#"
[connections.tenant]
type = "rest"
base_url = "http://127.0.0.1:9/{{ instance.name }}"
"#;
    let jobs = (1..=4).map(|n| {
        format!(
            "[jobs.job{n}]\nfor_each = \"instances\"\n\
             source = {{ connection = \"shop\", path = \"/{n}\", id = \"/id\" }}\n\
             destination = {{ connection = \"tenant\", path = \"/{n}/{{{{ id }}}}\" }}\n"
        )
    });
    let instances = (0..500).map(|n| format!("[instances.customer-{n:03}]\n"));
    format!("{head}{}{}", jobs.collect::<String>(), instances.collect::<String>())
}

/// The same screens over two thousand jobs.
async fn measure_customers() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), &Options::default()).expect("a state");
    let text = customers();
    let started = Instant::now();
    let mut stage = Stage::new(store, &text).await;
    println!("2,000 jobs: read, and an engine over them, in {:.0} ms", started.elapsed().as_secs_f64() * 1_000.0);
    for (screen, keys) in
        [("jobs", "1"), ("found jobs", ": @ j"), ("found customers", ": ~ c"), ("a customer", "1 g i")]
    {
        stage.keys(keys).await;
        let frames = stage.frames();
        println!("2,000 jobs, {screen}: a frame {:.3} ms (p99 {:.3}; want 2)", frames.0, frames.1);
        stage.press("esc").await;
    }
    let snapshot = stage.handle.watch().borrow().clone();
    let mut times = Vec::new();
    for _ in 0..100 {
        times.push(stage.send(Msg::Snapshot(snapshot.clone())).await.0);
    }
    println!(
        "2,000 jobs: a snapshot is taken in within {:.3} ms (p99 {:.3})",
        sorted(times.clone())[50],
        sorted(times)[98]
    );
}

fn sorted(mut figures: Vec<f64>) -> Vec<f64> {
    figures.sort_by(f64::total_cmp);
    figures
}

struct Stage {
    app: App,
    handle: Handle,
    buffer: Buffer,
}

impl Stage {
    async fn new(store: Store, more: &str) -> Self {
        let engine = house::engine(store, more).await;
        let handle = Handle::new(Local::new(engine), Actor::person("ada", Via::Console));
        let theme = Theme { symbols: Symbols::Unicode, look: look("term", Depth::Sixteen).expect("a theme") };
        let app = App::new(theme, Settings::default(), SIZE, SystemClock.now());
        let mut stage = Self { app, handle, buffer: Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1)) };
        let snapshot = stage.handle.watch().borrow().clone();
        stage.send(Msg::Snapshot(snapshot)).await;
        stage
    }

    /// Takes a message in and answers its questions. Milliseconds that the console took, and that the engine took.
    async fn send(&mut self, msg: Msg) -> (f64, f64) {
        let (mut own, mut asked) = (0.0, 0.0);
        let mut waiting = vec![msg];
        while let Some(msg) = waiting.pop() {
            let started = Instant::now();
            let effects = update(&mut self.app, SystemClock.now(), msg);
            own += started.elapsed().as_secs_f64() * 1_000.0;
            for effect in effects {
                if let Effect::Ask { generation, request } = effect {
                    let started = Instant::now();
                    let result = self.handle.ask(request).await;
                    asked += started.elapsed().as_secs_f64() * 1_000.0;
                    waiting.push(Msg::Answered { generation, result });
                }
            }
        }
        (own, asked)
    }

    async fn press(&mut self, key: &str) -> (f64, f64) {
        let code = match key {
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "down" => KeyCode::Down,
            "pgdn" => KeyCode::PageDown,
            "end" => KeyCode::End,
            "home" => KeyCode::Home,
            letter => KeyCode::Char(letter.chars().next().expect("a key has a name")),
        };
        self.send(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))).await
    }

    async fn keys(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.press(key).await;
        }
    }

    fn draw(&mut self) {
        self.buffer.reset();
        view(&self.app, &mut self.buffer);
    }

    /// Median and 99th percentile of a frame, milliseconds.
    fn frames(&mut self) -> (f64, f64) {
        let mut times = Vec::with_capacity(FRAMES);
        for _ in 0..FRAMES {
            let started = Instant::now();
            self.draw();
            times.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        let times = sorted(times);
        (times[FRAMES / 2], times[FRAMES * 99 / 100])
    }
}
