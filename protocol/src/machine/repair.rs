//! A repair: the comparison of all documents of some scopes, then what the peer lacks of those
//! that differ.
//!
//! It says what comes next; the store's answers, credits and batches are `exchange`'s matter. The
//! side that made the connection begins, the other one answers. Whatever the peer says, it ends: in
//! so many rounds and turns, each of so many bytes.

use std::collections::{BTreeSet, VecDeque};

use onex_crdt::ids::{Digest, DocId};

use super::{BATCH_BYTES_AIM, Fault, Query, Reader, Side};
use crate::message::{Have, Message, Reconcile};
use crate::repair::{Differing, ItemSet, Known, RECONCILE_BYTES_MAX, Reached};
use crate::scope::Scope;

/// Most rounds of the comparison. Whoever began it goes on with what was found until then.
const ROUNDS_MAX: usize = 64;
/// Most turns of telling what is known of differing documents; the rest is left to a later repair.
const TURNS_MAX: usize = 256;
/// Most documents whose heads are told in a turn.
const TURN_DOCUMENTS_MAX: usize = 512;
/// Most items that are wanted in a turn.
const TURN_WANTED_MAX: usize = 16 * 1024;
/// Bytes of clocks in a turn; of what has no more room the whole document is asked for.
const TURN_CLOCK_BYTES_MAX: usize = 256 * 1024;
/// Documents in a question to the store.
const QUESTION_DOCUMENTS_MAX: usize = 64;

/// Where a connection is with its one repair.
pub(super) enum Repair {
    /// Nothing has differed.
    None,
    /// Something differs, and the peer, who made the connection, is to begin.
    Awaited,
    UnderWay(Box<Work>),
    Done,
}

/// A repair under way.
pub(super) struct Work {
    side: Side,
    stage: Stage,
    scopes: Vec<Scope>,
    /// A step of the peer that is not answered yet.
    arrived: Option<Vec<u8>>,
    say: Option<Message>,
    set: ItemSet,
    rounds: usize,
    turns: usize,
    found: Differing,
    /// Called: documents here that the peer has named.
    named: BTreeSet<DocId>,
    /// What the peer has told and is not served yet.
    serve: VecDeque<(DocId, Known)>,
    /// What the peer is told in our next turn.
    tell: Vec<(DocId, Known)>,
    clock_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The store is to name the states.
    Gathering,
    /// The peer is to answer a step of the comparison, or to take the next one.
    Comparing,
    /// What the peer told is served; then it is our turn.
    Serving,
    /// The peer is to take its turn.
    Hearing,
    /// What the peer told in the last turn of all is served.
    Ending,
}

/// What a repair does next.
pub(super) enum Next {
    Ask(Query),
    Say(Message),
    Wait,
    Over,
}

impl Repair {
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::UnderWay(_))
    }

    /// Whether the peer is to say something.
    pub fn is_waiting(&self) -> bool {
        match self {
            Self::Awaited => true,
            Self::UnderWay(work) => matches!(work.stage, Stage::Comparing | Stage::Hearing),
            Self::None | Self::Done => false,
        }
    }

    /// Begins on the side that made the connection; the other one waits for that.
    pub fn begin(&mut self, side: Side, scopes: Vec<Scope>) {
        *self = match side {
            Side::Caller => Self::UnderWay(Box::new(Work::new(side, scopes, None))),
            Side::Called => Self::Awaited,
        };
    }

    /// Takes a step of the comparison.
    pub fn reconcile(
        &mut self,
        side: Side,
        message: Reconcile,
        common: &[Scope; 3],
    ) -> Result<(), Fault> {
        let Reconcile { scopes, ranges } = message;
        if ranges.len() > RECONCILE_BYTES_MAX {
            return Err(Fault::Overrun);
        }
        match self {
            Self::None | Self::Awaited if side == Side::Called && !scopes.is_empty() => {
                if scopes.len() > common.len() || !scopes.iter().all(|it| common.contains(it)) {
                    return Err(Fault::OutOfOrder { what: "scope" });
                }
                *self = Self::UnderWay(Box::new(Work::new(side, scopes, Some(ranges))));
                Ok(())
            }
            Self::UnderWay(work) if scopes.is_empty() && work.stage == Stage::Comparing => {
                work.step(&ranges)
            }
            _ => Err(Fault::OutOfOrder { what: "reconcile" }),
        }
    }

    /// Takes the peer's turn.
    pub fn have(&mut self, have: Have) -> Result<(), Fault> {
        match self {
            Self::UnderWay(work) => work.have(have),
            _ => Err(Fault::OutOfOrder { what: "have" }),
        }
    }

    /// What comes next.
    pub fn next(&mut self, reader: Reader) -> Next {
        let next = match self {
            Self::UnderWay(work) => work.next(reader),
            Self::None | Self::Awaited | Self::Done => Next::Wait,
        };
        if matches!(next, Next::Over) {
            *self = Self::Done;
        }
        next
    }
}

impl Work {
    fn new(side: Side, scopes: Vec<Scope>, arrived: Option<Vec<u8>>) -> Self {
        Self {
            side,
            stage: Stage::Gathering,
            scopes,
            arrived,
            say: None,
            set: ItemSet::new(&[]),
            rounds: 0,
            turns: 0,
            found: Differing::default(),
            named: BTreeSet::new(),
            serve: VecDeque::new(),
            tell: Vec::new(),
            clock_bytes: 0,
        }
    }

    /// The store has named the states: the comparison begins, or its first step is answered.
    pub fn gathered(&mut self, states: &[(DocId, Digest)]) -> Result<(), Fault> {
        self.set = ItemSet::new(states);
        self.stage = Stage::Comparing;
        match self.arrived.take() {
            Some(ranges) => self.step(&ranges),
            None => {
                let scopes = std::mem::take(&mut self.scopes);
                let ranges = self.set.begin();
                self.say = Some(Message::Reconcile(Reconcile { scopes, ranges }));
                Ok(())
            }
        }
    }

    fn step(&mut self, ranges: &[u8]) -> Result<(), Fault> {
        self.rounds += 1;
        let next = match self.side {
            Side::Called if self.rounds > ROUNDS_MAX => return Err(Fault::Overrun),
            Side::Called => Some(self.set.answer(ranges)?),
            Side::Caller => self.set.go_on(ranges, &mut self.found)?,
        };
        match next.filter(|_| self.side == Side::Called || self.rounds < ROUNDS_MAX) {
            Some(ranges) => {
                let scopes = Vec::new();
                self.say = Some(Message::Reconcile(Reconcile { scopes, ranges }));
            }
            None => {
                self.set = ItemSet::new(&[]);
                self.stage = Stage::Serving;
            }
        }
        Ok(())
    }

    fn have(&mut self, have: Have) -> Result<(), Fault> {
        let expected = match self.side {
            Side::Called => matches!(self.stage, Stage::Comparing | Stage::Hearing),
            Side::Caller => self.stage == Stage::Hearing && have.wanted.is_empty(),
        };
        self.turns += 1;
        let documents = have.documents.len();
        let too_much = documents > 2 * TURN_DOCUMENTS_MAX || have.wanted.len() > TURN_WANTED_MAX;
        if !expected || self.say.is_some() {
            return Err(Fault::OutOfOrder { what: "have" });
        }
        if too_much || self.turns > TURNS_MAX {
            return Err(Fault::Overrun);
        }
        let last = self.side == Side::Called && !have.asks();
        self.stage = if last { Stage::Ending } else { Stage::Serving };
        let set = &self.set;
        let ours = have.documents.iter().map(|(id, _)| *id).filter(|id| set.holds(id));
        self.named.extend(ours);
        self.serve.extend(have.documents);
        let unnamed = set.named(&have.wanted).filter(|id| !self.named.contains(id));
        self.serve.extend(unnamed.map(|id| (id, Known::Nothing)));
        Ok(())
    }

    fn next(&mut self, reader: Reader) -> Next {
        if let Some(message) = self.say.take() {
            return Next::Say(message);
        }
        let bytes_aim = BATCH_BYTES_AIM;
        match self.stage {
            Stage::Gathering => Next::Ask(Query::States { reader, scopes: self.scopes.clone() }),
            Stage::Comparing | Stage::Hearing => Next::Wait,
            Stage::Serving | Stage::Ending if !self.serve.is_empty() => {
                let documents = self.serve.iter().take(QUESTION_DOCUMENTS_MAX).cloned().collect();
                Next::Ask(Query::Missing { reader, documents, bytes_aim })
            }
            Stage::Ending => Next::Over,
            Stage::Serving if self.found.here.is_empty() || self.is_last_turn() => {
                self.turn(Vec::new())
            }
            Stage::Serving => {
                let here = &mut self.found.here;
                let page = (0..TURN_DOCUMENTS_MAX).map_while(|_| here.pop_first());
                let documents = page.collect();
                Next::Ask(Query::Heads { reader, documents, bytes_aim })
            }
        }
    }

    /// Our turn: what is to be told, with the heads of a page of documents, or with wanted items.
    fn turn(&mut self, heads: Vec<(DocId, Known)>) -> Next {
        let mut documents = std::mem::take(&mut self.tell);
        self.clock_bytes = 0;
        let mut wanted = Vec::new();
        if self.side == Side::Caller && heads.is_empty() && !self.is_last_turn() {
            let there = &mut self.found.there;
            wanted.extend((0..TURN_WANTED_MAX).map_while(|_| there.pop_first()));
        }
        documents.extend(heads);
        let have = Have { documents, wanted };
        let last = self.side == Side::Caller && !have.asks();
        self.stage = if last { Stage::Ending } else { Stage::Hearing };
        Next::Say(Message::Have(have))
    }

    fn is_last_turn(&self) -> bool {
        self.turns + 1 >= TURNS_MAX
    }

    /// The store has named the heads for our turn.
    pub fn headed(&mut self, heads: Vec<(DocId, Known)>) {
        if self.stage == Stage::Serving
            && let Next::Say(message) = self.turn(heads)
        {
            self.say = Some(message);
        }
    }

    /// The store has looked at so many of the documents that the peer told of.
    pub fn served(&mut self, covered: usize, tell: Vec<(DocId, Known)>) {
        let covered = covered.clamp(1, self.serve.len().max(1)).min(self.serve.len());
        let served: Vec<_> = self.serve.drain(..covered).collect();
        for (id, known) in tell {
            let heard = served.iter().find(|(other, _)| *other == id).map(|(_, known)| known);
            let expected = match self.side {
                Side::Called => matches!(heard, Some(Known::Heads(_))),
                Side::Caller => matches!(heard, Some(Known::Clock(_))),
            };
            if expected {
                self.tell_one(id, known);
            }
        }
    }

    fn tell_one(&mut self, id: DocId, known: Known) {
        let bytes = match &known {
            Known::Clock(clock) => clock.len() * std::mem::size_of::<Reached>(),
            Known::Heads(_) | Known::Nothing => 0,
        };
        let fits = self.clock_bytes + bytes <= TURN_CLOCK_BYTES_MAX;
        self.clock_bytes += if fits { bytes } else { 0 };
        self.tell.push((id, if fits { known } else { Known::Nothing }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onex_crdt::ids::{DeviceId, OrgId};
    use onex_crdt::roles::OrgRole;

    use crate::scope::Party;

    #[test]
    fn whoever_is_never_answered_to_the_point_goes_on_with_what_there_is() {
        let party = Party { org: OrgId([1; 16]), role: OrgRole::Hub };
        let reader = Reader { device: DeviceId([1; 16]), party };
        let states: Vec<_> = (0..200).map(|n| (DocId([n; 16]), Digest([n; 32]))).collect();
        let mut work = Work::new(Side::Caller, vec![Scope::Public], None);
        work.gathered(&states).expect("nothing came yet");
        let differs = [&[0x61, 0, 0, 1][..], &[7; 16]].concat();
        let mut rounds = 0;
        while work.stage == Stage::Comparing {
            assert!(matches!(work.next(reader), Next::Say(Message::Reconcile(_))));
            work.step(&differs).expect("a good answer");
            rounds += 1;
        }
        assert_eq!(rounds, ROUNDS_MAX);
        assert!(matches!(work.next(reader), Next::Say(Message::Have(_))), "the last turn");
        assert!(matches!(work.next(reader), Next::Over));
    }
}
