//! Upgrades on real processes: sagas that an earlier revision's `order` has begun are finished by this one's and back,
//! and both work side by side on one database.

mod acts;
mod revision;
mod sides;

use std::{path::PathBuf, time::Instant};

use anyhow::Result;

use crate::{
    prepare,
    workspace::{build, programs, target},
};
use acts::{finish_of_the_other, side_by_side};
use revision::{Earlier, cannot_come_back};
use sides::{Side, Sides};

/// From where.
#[derive(clap::Args)]
pub struct Options {
    /// The earlier revision; without it, the one before the last change of `services/order` or `shared`
    #[arg(long, value_name = "REV")]
    from: Option<String>,
}

/// Plays every act; fails if an order does not end as it should or an invariant is broken.
pub async fn run(options: Options) -> Result<()> {
    prepare::ensure()?;
    let begin = Instant::now();
    let (earlier, old) = match earlier(options.from.as_deref())? {
        Ok(found) => found,
        Err(why) => {
            println!("skipped: {why}");
            return Ok(());
        }
    };
    println!("the `order` of {} built in {:.1?}", earlier.commit, begin.elapsed());
    build(false)?;

    let sides = Sides::new(&target()?.join("upgrade/programs"), &programs(false)?, &old)?;
    let suite = sides.suite(Side::Old).await?;
    finish_of_the_other(&sides, &suite, Side::Old).await?;
    match cannot_come_back()? {
        None => finish_of_the_other(&sides, &suite, Side::New).await?,
        Some(why) => println!("new to old: skipped, since {why}"),
    }
    suite.stop();
    side_by_side(&sides).await?;
    println!("upgrades from {} ({}) and back: all well after {:.1?}", earlier.commit, earlier.subject, begin.elapsed());
    Ok(())
}

/// The earlier revision and its `order`, or why there is nothing to try. What was asked for by name has to be there.
fn earlier(asked: Option<&str>) -> Result<Result<(Earlier, PathBuf), String>> {
    let Some(earlier) = Earlier::find(asked)? else {
        return Ok(Err("there is no earlier revision here (a shallow clone, or no clone at all)".to_owned()));
    };
    println!("from {} ({})", earlier.commit, earlier.subject);
    earlier.check_out()?;
    match revision::build() {
        Ok(old) => Ok(Ok((earlier, old))),
        Err(error) if asked.is_none() => {
            Ok(Err(format!("{} gives no `order` to upgrade from: {error:#}", earlier.commit)))
        }
        Err(error) => Err(error),
    }
}
