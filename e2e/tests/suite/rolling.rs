//! Instances come and go under load, and no request fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use e2e::{Shopper, patiently};
use futures::future::join_all;
use launch::suite::Suite;
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::sleep};

use crate::setting::{own_suite, shopper};

const SKU: &str = "MUG-BLUE";
/// So many at first, then twice as many as long as that brings more answers.
const CALLERS: usize = 8;
/// No more, or the gateway would shed rightly: it lets at least so many in (`least` of `[shed.usual]`).
const MOST: usize = 64;
/// Percent more answers that are worth doubling the callers.
const GAIN: usize = 10;
const LOOK: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Load {
    over: AtomicBool,
    answered: AtomicUsize,
    reads_only: AtomicBool,
    receiving: AtomicUsize,
    received: AtomicI64,
}

// Reads, and now and then a receipt, which is a POST: nothing repeats it.
async fn call(sam: Shopper, load: Arc<Load>, caller: usize) -> anyhow::Result<()> {
    for nth in 0.. {
        if load.over.load(Ordering::SeqCst) {
            break;
        }
        // Counted before it is decided: whoever stops the writing waits for all that were begun.
        load.receiving.fetch_add(1, Ordering::SeqCst);
        if nth % 8 == 0 && !load.reads_only.load(Ordering::SeqCst) {
            let receipt = json!({"quantity": 1, "reference": format!("rolling-{caller}-{nth}")});
            let answer = sam.post(&format!("/api/inventory/v1/stock/{SKU}/receipts"), receipt).await;
            load.receiving.fetch_sub(1, Ordering::SeqCst);
            answer?.expect(201)?;
            load.received.fetch_add(1, Ordering::SeqCst);
        } else {
            load.receiving.fetch_sub(1, Ordering::SeqCst);
            sam.get(&format!("/api/inventory/v1/stock/{SKU}")).await?.expect(200)?;
        }
        load.answered.fetch_add(1, Ordering::SeqCst);
    }
    Ok(())
}

type Callers = Vec<JoinHandle<anyhow::Result<()>>>;

// As many callers, each with a request under way all the time, as it takes until more of them get no more answers.
async fn saturate(sam: &Shopper, load: &Arc<Load>) -> Callers {
    let mut callers = Callers::new();
    let (mut wanted, mut before) = (CALLERS, 0);
    loop {
        let more = (callers.len()..wanted).map(|nth| tokio::spawn(call(sam.clone(), Arc::clone(load), nth)));
        callers.extend(more);
        let answered = load.answered.load(Ordering::SeqCst);
        sleep(LOOK).await;
        let answered = load.answered.load(Ordering::SeqCst) - answered;
        println!("{wanted} callers: {answered} answers in {LOOK:?}");
        if wanted >= MOST || answered * 100 < before * (100 + GAIN) {
            return callers;
        }
        (wanted, before) = (wanted * 2, answered);
    }
}

async fn on_hand(sam: &Shopper) -> i64 {
    let stock = sam.get(&format!("/api/inventory/v1/stock/{SKU}")).await.unwrap().expect(200).unwrap();
    stock.body["on_hand"].as_i64().unwrap()
}

// What the gateway tells an operator.
async fn known(olga: &Shopper, count: usize) {
    let seen = patiently(async || {
        let services = olga.get("/api/registry/v1/services").await?.expect(200)?.body;
        let services = services["services"].as_array().unwrap().clone();
        let inventory = services.into_iter().find(|it| it["name"] == "inventory").unwrap_or(Value::Null);
        let instances = inventory["instances"].as_array().map_or(0, Vec::len);
        anyhow::ensure!(instances == count, "{instances} instances of inventory: {inventory}");
        Ok(())
    });
    seen.await.unwrap();
}

async fn roll(suite: &Arc<Suite>, ids: &[String], load: &Load) {
    for id in ids {
        let before = load.answered.load(Ordering::SeqCst);
        let (stopping, name) = (Arc::clone(suite), id.clone());
        tokio::task::spawn_blocking(move || stopping.terminate(&name)).await.unwrap().unwrap();
        suite.restart(id).await.unwrap();
        // Those who were answered meanwhile were answered by others.
        assert!(load.answered.load(Ordering::SeqCst) > before, "nobody was answered while {id} was restarted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_restarted_one_by_one_at_full_load_fail_no_request() {
    let suite = Arc::new(own_suite().await);
    let (sam, olga) = (shopper(&suite, "sam").await, shopper(&suite, "olga").await);
    let mut ids = vec!["inventory".to_owned()];
    for _ in 0..2 {
        ids.push(suite.start_instance("inventory").await.unwrap());
    }
    known(&olga, 3).await;
    let (load, before) = (Arc::new(Load::default()), on_hand(&sam).await);
    let callers = saturate(&sam, &load).await;
    roll(&suite, &ids, &load).await;
    known(&olga, 3).await;
    // Killed without a word: what can be asked twice is asked of another.
    load.reads_only.store(true, Ordering::SeqCst);
    let nobody_writes = patiently(async || {
        anyhow::ensure!(load.receiving.load(Ordering::SeqCst) == 0, "receipts are under way");
        Ok(())
    });
    nobody_writes.await.unwrap();
    suite.kill(&ids[1]).unwrap();
    known(&olga, 2).await;
    load.over.store(true, Ordering::SeqCst);
    let count = callers.len();
    let failed: Vec<_> = join_all(callers).await.into_iter().filter_map(|ended| ended.unwrap().err()).collect();
    let answered = load.answered.load(Ordering::SeqCst);
    assert!(failed.is_empty(), "{} of {answered} requests failed: {failed:#?}", failed.len());
    assert_eq!(on_hand(&sam).await, before + load.received.load(Ordering::SeqCst));
    println!("{answered} requests of up to {count} callers at a time answered, none failed");
}
