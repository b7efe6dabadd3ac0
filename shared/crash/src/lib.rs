//! Named points before and after every durable write and every call, at which a process can be told to die.
//!
//! They exist in debug builds, which are the test builds. In a release build a point is an empty function.

#[cfg(debug_assertions)]
mod armed;

use std::future::Future;

#[cfg(debug_assertions)]
pub use armed::{At, Malformed, arm};

/// A write or a call: where the process can die just before it leaves and just after it is acknowledged.
///
/// The name is a literal, and stands once in its crate: a test reads the sources for it.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    name: &'static str,
    of: Option<&'a str>,
}

/// On which side of the write or the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing has left this process yet.
    Before,
    /// It is acknowledged, and nothing else has been done since.
    After,
}

impl Point<'static> {
    /// The point of this name.
    pub const fn new(name: &'static str) -> Self {
        Self { name, of: None }
    }
}

impl<'a> Point<'a> {
    /// The same point, where it is about `subject`: a step, a type of event.
    #[must_use]
    pub const fn of<'b>(self, subject: &'b str) -> Point<'b>
    where
        'a: 'b,
    {
        Point { name: self.name, of: Some(subject) }
    }

    /// The process has come here. It goes on, unless it was told to die here.
    #[inline]
    pub fn reached(self, moment: Moment) {
        #[cfg(debug_assertions)]
        armed::die_if_told(self.name, self.of, moment);
        #[cfg(not(debug_assertions))]
        let _ = (self.name, self.of, moment);
    }

    /// Does the work between the two moments.
    #[cfg(debug_assertions)]
    pub fn around<W: Future>(self, work: W) -> impl Future<Output = W::Output> {
        // Boxed: an async function would hold the work twice.
        let work = Box::pin(work);
        async move {
            self.reached(Moment::Before);
            let done = work.await;
            self.reached(Moment::After);
            done
        }
    }

    /// Does the work.
    #[cfg(not(debug_assertions))]
    pub fn around<W: Future>(self, work: W) -> W {
        work
    }

    /// Reaches the one moment now and the other when the guard is dropped.
    #[must_use = "dropped at once, it is no guard"]
    pub fn enter(self) -> Entered<'a> {
        self.reached(Moment::Before);
        Entered(self)
    }
}

impl From<&'static str> for Point<'static> {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

/// Between the two moments of a point.
#[derive(Debug)]
pub struct Entered<'a>(Point<'a>);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.reached(Moment::After);
    }
}
