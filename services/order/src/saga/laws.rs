//! Laws that hold for every saga there is, whatever it meets: each is played against participants in memory that count
//! their effects, through any sequence of refusals, silences, late and repeated requests, and crashes.

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{Order, Standing},
    saga::runner::SAGAS,
};

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Done, and answered.
    Answered,
    /// Done twice, and answered.
    Repeated,
    /// Refused, where a refusal is possible.
    Refused,
    /// Refused likewise, and it arrives once more when so many others have been sent.
    RefusedAndLate { by: usize },
    /// It never arrives.
    Lost { overdue: bool },
    /// It is done, and the answer is lost.
    AnswerLost { overdue: bool },
    /// It arrives when so many others have been sent.
    Late { overdue: bool, by: usize },
    /// The instance crashes before it sends it.
    CrashBefore,
    /// The instance crashes before it saves the answer.
    CrashAfter,
}

/// The participant of one step: it does a thing once, and never after it was undone.
#[derive(Clone, Debug, Default)]
struct Participant {
    /// How often the effect came about.
    made: u32,
    /// How often it was undone.
    unmade: u32,
    undone: bool,
    /// Refused for good: the decisive step's participant remembers.
    refused: bool,
    /// How often the saga asked for it, and for its undo.
    asked: u32,
    asked_back: u32,
}

impl Participant {
    fn stands(&self) -> bool {
        self.made > self.unmade
    }

    /// Does what is asked; false if it is refused.
    fn arrives(&mut self, action: Action) -> bool {
        if matches!(action, Action::Undo(_)) {
            self.unmade += u32::from(self.stands());
            self.undone = true;
            return true;
        }
        let willing = !self.undone && !self.refused;
        self.made += u32::from(willing && !self.stands());
        willing
    }
}

/// A saga, what it has met, and what was saved of it last.
struct Play {
    saga: &'static Saga<Order>,
    progress: Progress,
    saved: Standing,
    /// One for each step, and one for the saga's `undone` step.
    participants: Vec<Participant>,
    late: Vec<(usize, Action)>,
    undone: Vec<usize>,
}

impl Play {
    /// Plays the saga to its end: each request meets its fate, and when there are no more, it is answered.
    fn of(saga: &'static Saga<Order>, fates: &[Fate]) -> Self {
        let participants = vec![Participant::default(); saga.len() + 1];
        let (progress, saved) = (Progress::START, saga.standing(&Progress::START));
        let mut this = Self { saga, progress, saved, participants, late: Vec::new(), undone: Vec::new() };
        for turn in 0.. {
            assert!(turn < fates.len() + 3 * saga.len(), "{} does not end", saga.name);
            let action = next(&this.progress);
            if matches!(action, Action::Done | Action::Undone) {
                break;
            }
            this.ask(action, fates.get(turn).copied().unwrap_or(Fate::Answered));
            this.late_ones_arrive(turn);
        }
        this.late_ones_arrive(usize::MAX);
        this
    }

    fn of_whom(&mut self, action: Action) -> &mut Participant {
        let last = self.participants.len() - 1;
        match action {
            Action::Do(index) | Action::Undo(index) => &mut self.participants[index],
            _ => &mut self.participants[last],
        }
    }

    fn ask(&mut self, action: Action, fate: Fate) {
        self.progress = self.progress.clone().asked();
        self.saved = self.saga.standing(&self.progress);
        let participant = self.of_whom(action);
        participant.asked += u32::from(!matches!(action, Action::Undo(_)));
        participant.asked_back += u32::from(matches!(action, Action::Undo(_)));
        let silent = |overdue| if overdue { Reply::Overdue(String::new()) } else { Reply::Silent(String::new()) };
        let reply = match fate {
            Fate::Answered => self.arrives(action),
            Fate::Repeated => {
                self.arrives(action);
                self.arrives(action)
            }
            Fate::Refused => self.refuses(action),
            Fate::RefusedAndLate { by } => {
                self.late.push((by, action));
                self.refuses(action)
            }
            Fate::Lost { overdue } => silent(overdue),
            Fate::AnswerLost { overdue } => {
                self.arrives(action);
                silent(overdue)
            }
            Fate::Late { overdue, by } => {
                self.late.push((by, action));
                silent(overdue)
            }
            Fate::CrashBefore => return self.crash(),
            Fate::CrashAfter => {
                self.arrives(action);
                return self.crash();
            }
        };
        self.learn(action, &reply);
    }

    fn arrives(&mut self, action: Action) -> Reply {
        if self.of_whom(action).arrives(action) { Reply::Done(Value::Null) } else { no() }
    }

    /// Says no, unless it is done already or, to the step that may not be refused, once by mistake.
    fn refuses(&mut self, action: Action) -> Reply {
        let decisive = self.saga.undoable.len();
        let participant = self.of_whom(action);
        match action {
            Action::Do(_) if participant.stands() => return self.arrives(action),
            Action::Do(index) => participant.refused |= index == decisive,
            _ => {}
        }
        no()
    }

    fn learn(&mut self, action: Action, reply: &Reply) {
        self.progress = after(self.saga, self.progress.clone(), reply);
        if let (Action::Undo(index), Reply::Done(_)) = (action, reply) {
            self.undone.push(index);
        }
    }

    /// What was saved last is all that is left.
    fn crash(&mut self) {
        self.progress = self.saga.progress(&self.saved).unwrap();
    }

    fn late_ones_arrive(&mut self, sent: usize) {
        let (arrived, late) = std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= sent);
        self.late = late;
        for (_, action) in Vec::from_iter::<Vec<(usize, Action)>>(arrived) {
            self.arrives(action);
        }
    }

    /// The undoable steps that were ever asked for: a request may always arrive once more.
    fn may_have_happened(&self) -> Vec<usize> {
        (0..self.saga.undoable.len()).filter(|&index| self.participants[index].asked > 0).collect()
    }

    fn standing(&self) -> Vec<bool> {
        self.participants.iter().map(Participant::stands).collect()
    }

    /// All that has to hold at the end of any play.
    fn check(&self) {
        let (name, closing) = (self.saga.name, self.participants.len() - 1);
        let all = |range: std::ops::Range<usize>, stands| self.standing()[range].iter().all(|it| *it == stands);
        assert!(self.participants.iter().all(|it| it.made < 2 && it.unmade < 2), "{name}: an effect came about twice");
        match self.progress.position {
            Position::Done => {
                assert!(all(0..closing, true) && !self.standing()[closing], "{name}: done, but not all of it");
                assert!(self.undone.is_empty() && self.participants.iter().all(|it| it.asked_back == 0));
                assert_eq!(self.progress.reason, None);
            }
            Position::Undone => {
                assert!(all(0..closing, false) && self.standing()[closing], "{name}: undone, but something stands");
                let expected: Vec<_> = self.may_have_happened().into_iter().rev().collect();
                assert_eq!(
                    self.undone, expected,
                    "{name}: undone is exactly what may have happened, from last to first"
                );
                assert!(self.progress.reason.is_some());
            }
            other => panic!("{name} did not end: {other:?}"),
        }
    }
}

fn no() -> Reply {
    Reply::Refused(Refusal::new("no", "No"))
}

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Answered),
        2 => Just(Fate::Repeated),
        1 => Just(Fate::Refused),
        1 => (0_usize..30).prop_map(|by| Fate::RefusedAndLate { by }),
        1 => any::<bool>().prop_map(|overdue| Fate::Lost { overdue }),
        1 => any::<bool>().prop_map(|overdue| Fate::AnswerLost { overdue }),
        2 => (any::<bool>(), 0_usize..30).prop_map(|(overdue, by)| Fate::Late { overdue, by }),
        1 => Just(Fate::CrashBefore),
        1 => Just(Fate::CrashAfter),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_a_saga_meets_it_ends_done_with_everything_or_undone_with_nothing(
        fates in prop::collection::vec(any_fate(), 0..40),
    ) {
        for saga in SAGAS {
            Play::of(saga, &fates).check();
        }
    }
}

#[test]
fn a_saga_that_fails_at_any_step_ends_as_it_should_however_it_fails() {
    let fails = [
        Fate::Refused,
        Fate::RefusedAndLate { by: usize::MAX },
        Fate::Lost { overdue: true },
        Fate::AnswerLost { overdue: true },
        Fate::Late { overdue: true, by: usize::MAX },
        Fate::CrashBefore,
        Fate::CrashAfter,
    ];
    for saga in SAGAS {
        for (step, fate) in (0..saga.len()).flat_map(|step| fails.map(|fate| (step, fate))) {
            let mut fates = vec![Fate::Answered; step];
            fates.push(fate);
            let play = Play::of(saga, &fates);
            play.check();
            let turns_round = match fate {
                Fate::Refused | Fate::RefusedAndLate { .. } => saga.may_be_refused(step),
                Fate::CrashBefore | Fate::CrashAfter => false,
                _ => saga.is_undoable(step),
            };
            let end = if turns_round { Position::Undone } else { Position::Done };
            assert_eq!(play.progress.position, end, "{} at {step}: {fate:?}", saga.name);
        }
    }
}

/// The ways in which one thing is asked for twice.
const TWICE: [&[Fate]; 4] = [
    &[Fate::Repeated],
    &[Fate::AnswerLost { overdue: false }, Fate::Answered],
    &[Fate::CrashAfter, Fate::Answered],
    &[Fate::Late { overdue: false, by: usize::MAX }, Fate::Answered],
];

#[test]
fn a_saga_with_every_action_repeated_ends_as_if_asked_once() {
    for saga in SAGAS {
        let once = Play::of(saga, &[]);
        for twice in TWICE {
            let play = Play::of(saga, &twice.repeat(saga.len()));
            play.check();
            assert_eq!((&play.progress, play.standing()), (&once.progress, once.standing()), "{twice:?}");
        }
    }
}

#[test]
fn a_saga_with_every_undo_repeated_ends_as_if_undone_once() {
    for saga in SAGAS {
        for (failed, twice) in (0..=saga.undoable.len()).flat_map(|failed| TWICE.map(|twice| (failed, twice))) {
            let mut fates = vec![Fate::Answered; failed];
            fates.push(Fate::Refused);
            let once = Play::of(saga, &fates);
            fates.extend(twice.repeat(failed + 1));
            let play = Play::of(saga, &fates);
            play.check();
            assert_eq!((&play.progress, &play.undone), (&once.progress, &once.undone), "{} at {failed}", saga.name);
            assert_eq!(play.standing(), once.standing());
        }
    }
}
