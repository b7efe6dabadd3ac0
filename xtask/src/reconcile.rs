//! Names every order on which the services disagree, and repairs what the orders' logs decide.

use anyhow::{Result, ensure};
use e2e::{
    Shopper,
    reconciliation::{self, Found},
};
use serde_json::{Value, json};

use crate::up;

/// What to reconcile, and how.
#[derive(clap::Args)]
pub struct Options {
    /// Ask again for what the orders' logs decide, then let events take effect that could not
    #[arg(long)]
    repair: bool,
    /// What to do about orders that only others know
    #[arg(long, value_parser = ["name", "undo"], default_value = "name", requires_if("undo", "repair"))]
    orphans: String,
    /// Leave alone what others may only not have reacted to yet, for so many seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(..=86400))]
    settled_for: u32,
    /// The public origin; without it, the suite that `cargo retail up` runs
    #[arg(long)]
    url: Option<String>,
}

/// Prints what is found. Fails if somebody disagrees, or still does.
pub async fn reconcile(options: Options) -> Result<()> {
    let url = options.url.map_or_else(up::public_url, Ok)?;
    let olga = Shopper::log_in(&url, "olga").await?;
    let wanted =
        json!({"repair": options.repair, "orphans": options.orphans, "settled_for_seconds": options.settled_for});
    let found = reconciliation::reconcile(&olga, &wanted).await?;
    for disputed in &found.disputed {
        print!("{}", reconciliation::print(disputed));
    }
    println!(
        "{} orders looked at, {} left alone, {} disputed",
        found.looked_at,
        found.left_alone,
        found.disputed.len()
    );
    if options.repair {
        let (done, left) = reconciliation::redrive(&olga).await?;
        println!("{done} events that were set aside have taken effect, {} cannot", left.len());
        for line in &left {
            println!("  {line}");
        }
    }
    let open = open(&found);
    ensure!(open == 0, "{open} orders are left on which somebody disagrees");
    Ok(())
}

/// The orders that were not repaired, or not wholly.
fn open(found: &Found) -> usize {
    let done = |taken: &Value| taken["outcome"] == "done";
    let repaired = |it: &&Value| {
        let taken = it["taken"].as_array();
        let for_a_person = it["disagreements"].as_array().into_iter().flatten().any(|it| it["steps"] == json!([]));
        taken.is_some_and(|taken| !taken.is_empty() && taken.iter().all(done)) && !for_a_person
    };
    found.disputed.len() - found.disputed.iter().filter(repaired).count()
}
