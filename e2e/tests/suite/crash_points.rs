//! Every point at which a process can die, before and after every durable write and every call: it dies there, is
//! started again, and everything that was accepted ends and agrees.

mod grants;
mod letters;
mod mending;
mod metering;
mod orders;
mod pages;
mod people;
mod robots;
mod running;
mod scenarios;
mod sources;
mod staff;
mod stage;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    env, fmt, thread,
    time::Instant,
};

use futures::{TryStreamExt, future::join_all};
use scenarios::SCENARIOS;
use stage::{Case, World};

/// The points of the table, without what each is about.
fn tested() -> BTreeSet<(&'static str, String)> {
    let named = SCENARIOS.iter().flat_map(|it| it.points.iter().map(|point| (it.process, *point)));
    named.map(|(process, point)| (process, point.split(" (").next().unwrap().to_owned())).collect()
}

#[test]
fn every_point_of_the_sources_has_a_scenario_and_the_other_way_round() {
    let (found, mut wrong) = sources::points();
    let tested = tested();
    for point in &found {
        let common = matches!(point.owner, "messaging" | "database");
        if !tested.iter().any(|(process, name)| *name == point.name && (common || *process == point.owner)) {
            wrong.push(format!("{}: `{}` has no scenario", point.owner, point.name));
        }
    }
    for (process, name) in &tested {
        let owners = [process, "messaging", "database"];
        if !found.iter().any(|point| point.name == *name && owners.contains(&point.owner)) {
            wrong.push(format!("{process}: there is no point `{name}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_step_of_every_saga_has_a_scenario_done_and_undone() {
    let points: BTreeSet<_> = SCENARIOS.iter().flat_map(|it| it.points.iter().copied()).collect();
    let has = |point: String| points.contains(point.as_str());
    for (step, can_be_undone) in sources::steps() {
        let done = has(format!("ask to do ({step})")) || has(format!("change order ({step})"));
        assert!(done, "no scenario dies at `{step}`");
        assert!(!can_be_undone || has(format!("ask to undo ({step})")), "no scenario dies at the undo of `{step}`");
    }
}

/// A call to another process has its point where it is made, and stands here.
#[test]
fn every_call_goes_through_a_place_that_has_a_point() {
    let known = [
        ("auth/src/outbound.rs", ".send().await", 2),
        ("services/order/src/participants.rs", ".send().await", 1),
        ("services/order/src/participants/credentials.rs", ".send().await", 1),
        ("shared/messaging/src/consumer.rs", ".ack_with(", 1),
        ("shared/messaging/src/consumer.rs", ".double_ack(", 1),
        ("shared/messaging/src/consumer.rs", "get_or_create_consumer(", 1),
        ("shared/messaging/src/relay.rs", "publish_with_headers(", 1),
        ("shared/messaging/src/standalone.rs", "publish_with_headers(", 1),
        ("shared/messaging/src/stream.rs", "get_or_create_stream(", 1),
        ("shared/messaging/src/tally.rs", "get_or_create_stream(", 1),
    ];
    let found = sources::calls();
    let found: Vec<_> = found.iter().map(|(file, way, count)| (file.as_str(), *way, *count)).collect();
    assert_eq!(found, known, "give the call a point and a scenario, then name it here");
}

#[tokio::test]
async fn whoever_dies_anywhere_loses_nothing() {
    let began = Instant::now();
    let only = env::var("CRASH_ONLY").unwrap_or_default();
    let cases: Vec<_> = SCENARIOS.iter().flat_map(scenarios::Scenario::cases).collect();
    let cases: Vec<_> = cases.into_iter().filter(|case| case.to_string().contains(&only)).collect();
    let (next, failed) = (Cell::new(0), RefCell::new(Vec::new()));
    // Half of the time they wait for somebody.
    let side_by_side = thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 6));
    let suites = (0..side_by_side.min(cases.len())).map(|_| work(&cases, &next, &failed));
    join_all(suites).await;
    println!("{} crashes in {:.1?}", cases.len(), began.elapsed());
    let failed = failed.into_inner();
    assert!(failed.is_empty(), "{} of {}:\n\n{}", failed.len(), cases.len(), failed.join("\n\n"));
}

/// Plays the next case until there is none, in a new suite after each that went wrong.
async fn work(cases: &[Case], next: &Cell<usize>, failed: &RefCell<Vec<String>>) {
    let mut world = None;
    while let Some(case) = cases.get(next.replace(next.get() + 1)) {
        let stage = match world.take() {
            Some(stage) => stage,
            None => World::open().await.unwrap(),
        };
        let began = Instant::now();
        match stage.play(case).await {
            Ok(()) => {
                println!("{case} {:.1?}", began.elapsed());
                world = Some(stage);
            }
            Err(error) => {
                println!("{case}: {error:#}");
                failed.borrow_mut().push(format!("{case}: {error:#}"));
                stage.close().await;
            }
        }
    }
    if let Some(world) = world {
        every_reaction_has_a_scenario(&world).await;
        world.close().await;
    }
}

/// The server knows who follows what.
async fn every_reaction_has_a_scenario(world: &World) {
    let nats = registry::connect(async_nats::ConnectOptions::new(), &world.suite.nats().url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(nats);
    let streams: Vec<_> = jetstream.stream_names().try_collect().await.unwrap();
    for stream in streams.iter().filter(|name| !name.starts_with("KV_")) {
        let stream = jetstream.get_stream(stream).await.unwrap();
        let consumers: Vec<_> = stream.consumers().try_collect().await.unwrap();
        for consumer in consumers.iter().filter_map(|it| Some((it.config.durable_name.as_ref()?, &it.config))) {
            let (name, config) = consumer;
            let point = format!("take effect ({})", config.filter_subject);
            let tested = |it: &scenarios::Scenario| name.starts_with(it.process) && it.points.contains(&point.as_str());
            assert!(SCENARIOS.iter().any(tested), "{name} has no scenario");
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.process, self.points.join(", then "))
    }
}
