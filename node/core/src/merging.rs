//! When several ids name one work, and what the work is called: decided from what trusted keys say in their records.
//!
//! Two ids are *tied* when records name both. A tie holds by the word of whoever is trusted most of those who make it, and
//! falls by the word of anybody trusted more who keeps them apart. Nothing here is remembered: whoever takes a record
//! back, or loses trust, takes their ties along. What it must not know: stores, clocks, how trust comes about.

use heirloom_proto::body::{Credit, Episode, Work, WorkKind, WorkTitle};
use heirloom_proto::{Key, Sha256, WorkId};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Most ids of one work. A film has one in each catalogue, and a few of its own; whoever names more chains works
/// together.
pub const IDS_MAX: usize = 48;

/// Most records that are weighed for one work, those of the most trusted first. More voices change nothing that these do
/// not.
pub const CLAIMS_MAX: usize = 64;

/// Least sum of scores of those who tie two ids: what one key has that trusted people vouch for.
pub const TIE_SUPPORT_MIN: f64 = 0.2;

/// How much the word of a key counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voice {
    /// The owner's own key.
    pub is_mine: bool,
    /// Followed, or trusted by the owner's own word: it stands before anybody who may have been lifted above it by others.
    pub is_first_hand: bool,
    /// −1…1.
    pub score: f64,
}

impl Voice {
    /// The order in which voices are heard: the most trusted first.
    #[must_use]
    pub fn before(&self, other: &Self) -> Ordering {
        (other.is_mine.cmp(&self.is_mine))
            .then(other.is_first_hand.cmp(&self.is_first_hand))
            .then(other.score.total_cmp(&self.score))
    }
}

/// The ids that one record names.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Whose record it is.
    pub author: Key,
    /// How much that counts.
    pub voice: Voice,
    /// As the record names them.
    pub ids: &'a [WorkId],
}

/// Catalogues that have one id for each work: two of their ids are two works, until somebody says otherwise outright.
fn exclusive(id: &WorkId) -> Option<&str> {
    Some(id.scheme()).filter(|scheme| matches!(*scheme, "imdb" | "tmdb" | "tvdb" | "wikidata"))
}

fn clash(a: &WorkId, b: &WorkId) -> bool {
    a != b && exclusive(a).is_some() && exclusive(a) == exclusive(b)
}

/// What one author says of ids: with which others each stands.
type Said<'a> = BTreeMap<&'a WorkId, BTreeSet<&'a WorkId>>;

struct Tie {
    best: Voice,
    support: f64,
    authors: BTreeSet<Key>,
}

/// The ids of one work: those that hold together with the one that is asked for. The claims are all that name an id which
/// any chain of claims leads to; their order does not matter.
#[must_use]
pub fn same_as(work: &WorkId, claims: &[Claim<'_>]) -> BTreeSet<WorkId> {
    let mut said: BTreeMap<Key, (Voice, Said<'_>)> = BTreeMap::new();
    let mut ties: BTreeMap<(&WorkId, &WorkId), Tie> = BTreeMap::new();
    for claim in claims {
        let (_, sets) = said.entry(claim.author).or_insert_with(|| (claim.voice, Said::new()));
        for id in claim.ids {
            sets.entry(id).or_default().extend(claim.ids);
        }
        let ids: BTreeSet<&WorkId> = claim.ids.iter().collect();
        for (at, a) in ids.iter().enumerate() {
            for b in ids.iter().skip(at + 1) {
                let tie = ties.entry((*a, *b)).or_insert_with(|| Tie {
                    best: claim.voice,
                    support: 0.0,
                    authors: BTreeSet::new(),
                });
                if claim.voice.before(&tie.best) == Ordering::Less {
                    tie.best = claim.voice;
                }
                tie.authors.insert(claim.author);
            }
        }
    }
    for tie in ties.values_mut() {
        // In the order of keys, so that the sum is the same on every node that hears the same.
        tie.support = tie.authors.iter().filter_map(|key| said.get(key)).map(|(voice, _)| voice.score).sum();
    }
    let mut held: Vec<(&(&WorkId, &WorkId), &Tie)> =
        ties.iter().filter(|(pair, tie)| tie.support >= TIE_SUPPORT_MIN && !is_refuted(**pair, tie, &said)).collect();
    held.sort_by(|a, b| a.1.best.before(&b.1.best).then(b.1.support.total_cmp(&a.1.support)).then(a.0.cmp(b.0)));
    let said_outright: BTreeSet<(&WorkId, &WorkId)> = held.iter().map(|(pair, _)| **pair).collect();
    let mut clusters: Vec<BTreeSet<&WorkId>> = Vec::new();
    for ((a, b), _) in held {
        let of = |id: &WorkId| clusters.iter().position(|cluster| cluster.contains(id));
        let (of_a, of_b) = (of(a), of(b));
        if of_a.is_some() && of_a == of_b {
            continue;
        }
        let set =
            |at: Option<usize>, id| at.and_then(|at| clusters.get(at).cloned()).unwrap_or_else(|| BTreeSet::from([id]));
        let (left, right) = (set(of_a, *a), set(of_b, *b));
        // What neither of them says outright does not come about by a detour over a third.
        let clashes =
            left.iter().any(|a| right.iter().any(|b| clash(a, b) && !said_outright.contains(&(*a.min(b), *a.max(b)))));
        if clashes {
            continue;
        }
        let mut gone: Vec<usize> = of_a.into_iter().chain(of_b).collect();
        gone.sort_unstable_by(|a, b| b.cmp(a));
        for at in gone {
            clusters.swap_remove(at);
        }
        clusters.push(left.union(&right).copied().collect());
    }
    let own = clusters.into_iter().find(|cluster| cluster.contains(work));
    own.map_or_else(|| BTreeSet::from([work.clone()]), |cluster| cluster.into_iter().cloned().collect())
}

/// Whether somebody trusted more, or as many who are trusted as much, keep the two apart.
fn is_refuted((a, b): (&WorkId, &WorkId), tie: &Tie, said: &BTreeMap<Key, (Voice, Said<'_>)>) -> bool {
    let mut against = 0.0;
    for (key, (voice, sets)) in said {
        if tie.authors.contains(key) || !keeps_apart(a, b, sets) {
            continue;
        }
        match voice.before(&tie.best) {
            Ordering::Less => return true,
            Ordering::Equal => against += voice.score,
            Ordering::Greater => {}
        }
    }
    against > 0.0 && against >= tie.support
}

/// Whether an author gives one of the two another id of the kind that the other is, or has.
fn keeps_apart(a: &WorkId, b: &WorkId, sets: &Said<'_>) -> bool {
    let (of_a, of_b) = (sets.get(a), sets.get(b));
    if of_a.is_none() && of_b.is_none() {
        return false;
    }
    let (alone_a, alone_b) = (BTreeSet::from([a]), BTreeSet::from([b]));
    let (of_a, of_b) = (of_a.unwrap_or(&alone_a), of_b.unwrap_or(&alone_b));
    let is_together = |p: &WorkId, q: &WorkId| sets.get(p).is_some_and(|with| with.contains(q));
    of_a.iter().any(|p| of_b.iter().any(|q| clash(p, q) && !is_together(p, q)))
}

/// What a work is, put together field by field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Title, or empty.
    pub title: String,
    /// Year.
    pub year: Option<u32>,
    /// What it is.
    pub kind: WorkKind,
    /// What it is about, or empty.
    pub overview: String,
    /// Genres.
    pub genres: Vec<String>,
    /// Languages (BCP 47).
    pub languages: Vec<String>,
    /// Runtime in minutes.
    pub runtime_min: Option<u32>,
    /// SHA-256 of the artwork's bytes.
    pub artwork: Option<Sha256>,
    /// Episodes by season and number.
    pub episodes: Vec<Episode>,
    /// Title in its own language, or empty.
    pub original_title: String,
    /// Titles in other languages.
    pub titles: Vec<WorkTitle>,
    /// Who made it.
    pub people: Vec<Credit>,
}

/// Most episodes of a work that is put together of several records, each of which has at most 500.
const EPISODES_MAX: usize = 5_000;

/// Most titles in other languages; more languages than catalogues translate into.
const TITLES_MAX: usize = 60;

/// Puts records of one work together, the most trusted first: each field is said by the first who says anything of it.
#[must_use]
pub fn merged<'a>(records: impl IntoIterator<Item = &'a Work>) -> Merged {
    let mut all = Merged {
        title: String::new(),
        year: None,
        kind: WorkKind::Other,
        overview: String::new(),
        genres: Vec::new(),
        languages: Vec::new(),
        runtime_min: None,
        artwork: None,
        episodes: Vec::new(),
        original_title: String::new(),
        titles: Vec::new(),
        people: Vec::new(),
    };
    let mut episodes: BTreeMap<(u32, u32), Episode> = BTreeMap::new();
    for record in records {
        fill(&mut all.title, &record.title);
        fill(&mut all.original_title, &record.original_title);
        fill(&mut all.overview, &record.overview);
        if all.kind == WorkKind::Other {
            all.kind = record.kind;
        }
        all.year = all.year.or(record.year);
        all.runtime_min = all.runtime_min.or(record.runtime_min);
        all.artwork = all.artwork.or(record.artwork);
        if all.genres.is_empty() {
            all.genres.clone_from(&record.genres);
        }
        if all.people.is_empty() {
            all.people.clone_from(&record.people);
        }
        // One title for each language.
        for title in &record.titles {
            if all.titles.len() < TITLES_MAX && !all.titles.iter().any(|known| known.language == title.language) {
                all.titles.push(title.clone());
            }
        }
        if all.languages.is_empty() {
            all.languages.clone_from(&record.languages);
        }
        for episode in &record.episodes {
            let place = (episode.season, episode.number);
            if !episodes.contains_key(&place) && episodes.len() >= EPISODES_MAX {
                continue;
            }
            let known = episodes.entry(place).or_insert_with(|| Episode {
                title: String::new(),
                date: String::new(),
                ..episode.clone()
            });
            fill(&mut known.title, &episode.title);
            fill(&mut known.date, &episode.date);
        }
    }
    all.episodes = episodes.into_values().collect();
    all
}

fn fill(field: &mut String, said: &str) {
    if field.is_empty() {
        said.clone_into(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::SecretKey;

    fn key(number: u8) -> Key {
        SecretKey::from_seed(&[number; 32]).public()
    }

    fn voice(score: f64) -> Voice {
        Voice { is_mine: false, is_first_hand: score >= 0.5, score }
    }

    fn ids(text: &str) -> Vec<WorkId> {
        text.split(' ').map(|id| id.parse().expect("an id")).collect()
    }

    /// The ids of a work when each (author, score) names those ids.
    fn of(work: &str, said: &[(u8, f64, &str)]) -> String {
        let records: Vec<Vec<WorkId>> = said.iter().map(|(.., text)| ids(text)).collect();
        let claims: Vec<Claim<'_>> = said
            .iter()
            .zip(&records)
            .map(|((author, score, _), ids)| Claim { author: key(*author), voice: voice(*score), ids })
            .collect();
        let forward = same_as(&work.parse().expect("an id"), &claims);
        let backward = same_as(&work.parse().expect("an id"), &claims.iter().rev().copied().collect::<Vec<_>>());
        assert_eq!(forward, backward, "the order does not matter");
        forward.iter().map(WorkId::as_str).collect::<Vec<_>>().join(" ")
    }

    const A: &str = "imdb:tt0000001 tmdb:movie/1";
    const B: &str = "imdb:tt0000002 tmdb:movie/2";

    #[test]
    fn shared_ids_chain_records_of_one_work() {
        let said = [(1, 0.9, A), (2, 0.4, "tmdb:movie/1 wikidata:Q1"), (3, 0.3, "wikidata:Q1 hl:00")];
        let said: Vec<_> =
            said.iter().map(|(a, s, t)| (*a, *s, t.replace("hl:00", &format!("hl:{}", "0".repeat(64))))).collect();
        let said: Vec<(u8, f64, &str)> = said.iter().map(|(a, s, t)| (*a, *s, t.as_str())).collect();
        let expected = format!("hl:{} imdb:tt0000001 tmdb:movie/1 wikidata:Q1", "0".repeat(64));
        for start in ["imdb:tt0000001", "wikidata:Q1", "tmdb:movie/1"] {
            assert_eq!(of(start, &said), expected, "from {start}");
        }
    }

    #[test]
    fn a_lesser_voice_glues_nothing_that_a_better_keeps_apart() {
        for glue in [
            "imdb:tt0000001 imdb:tt0000002",
            "imdb:tt0000001 tmdb:movie/2",
            "imdb:tt0000001 tmdb:movie/1 imdb:tt0000002 tmdb:movie/2",
        ] {
            let said = [(1, 0.9, A), (1, 0.9, B), (2, 0.4, glue)];
            assert_eq!(of("imdb:tt0000001", &said), A, "{glue}");
            assert_eq!(of("tmdb:movie/2", &said), B, "{glue}");
        }
    }

    #[test]
    fn one_who_is_trusted_as_much_glues_nothing_either() {
        let said = [(1, 0.9, A), (1, 0.9, B), (2, 0.9, "imdb:tt0000001 imdb:tt0000002")];
        assert_eq!(of("imdb:tt0000001", &said), A);
        let said = [(1, 0.9, "imdb:tt0000001"), (2, 0.9, "imdb:tt0000001 imdb:tt0000002")];
        assert_eq!(of("imdb:tt0000001", &said), "imdb:tt0000001");
    }

    #[test]
    fn a_detour_over_a_third_id_glues_nothing() {
        let detour = [
            (1, 0.9, "imdb:tt0000001"),
            (1, 0.9, "imdb:tt0000002"),
            (2, 0.4, "imdb:tt0000001 wikidata:Q7"),
            (2, 0.4, "wikidata:Q7 imdb:tt0000002"),
        ];
        let (one, two) = (of("imdb:tt0000001", &detour), of("imdb:tt0000002", &detour));
        assert!(!one.contains("tt0000002") && !two.contains("tt0000001"), "{one}, {two}");
    }

    #[test]
    fn a_better_voice_ties_what_a_lesser_keeps_apart() {
        let said = [(1, 0.9, "imdb:tt0000001 imdb:tt0000002"), (2, 0.4, "imdb:tt0000001"), (2, 0.4, "imdb:tt0000002")];
        assert_eq!(of("imdb:tt0000001", &said), "imdb:tt0000001 imdb:tt0000002");
    }

    #[test]
    fn too_little_support_ties_nothing() {
        assert_eq!(of("imdb:tt0000001", &[(1, 0.15, A)]), "imdb:tt0000001");
        assert_eq!(of("imdb:tt0000001", &[(1, 0.15, A), (2, 0.06, A)]), A);
    }

    #[test]
    fn each_field_is_said_by_the_first_who_says_anything_of_it() {
        let id: WorkId = "imdb:tt0000001".parse().expect("an id");
        let episode =
            |number, title: &str, date: &str| Episode { season: 1, number, title: title.into(), date: date.into() };
        let in_german = |title: &str| WorkTitle { language: "de".into(), title: title.into() };
        let first = Work {
            episodes: vec![episode(1, "", "2011-01-01"), episode(2, "Rain", "")],
            titles: vec![in_german("Der Papiergarten")],
            people: vec![Credit { name: "Mina Moor".into(), role: "director".into() }],
            ..Work::new(id.clone(), "The Paper Garden".into(), None, WorkKind::Series)
        };
        let second = Work {
            overview: "Paper grows.".into(),
            genres: vec!["drama".into()],
            runtime_min: Some(42),
            titles: vec![in_german("Anderes"), WorkTitle { language: "fr".into(), title: "Le jardin".into() }],
            episodes: vec![episode(1, "Seeds", "1999-09-09"), episode(3, "Snow", "")],
            ..Work::new(id, "Another title".into(), Some(2011), WorkKind::Film)
        };
        let all = merged([&first, &second]);
        assert_eq!((all.title.as_str(), all.year, all.kind), ("The Paper Garden", Some(2011), WorkKind::Series));
        assert_eq!(
            (all.overview.as_str(), &*all.genres, all.runtime_min),
            ("Paper grows.", &["drama".to_owned()][..], Some(42))
        );
        assert_eq!(all.episodes, [episode(1, "Seeds", "2011-01-01"), episode(2, "Rain", ""), episode(3, "Snow", "")]);
        let titles: Vec<&str> = all.titles.iter().map(|title| title.title.as_str()).collect();
        assert_eq!((titles, all.people.len()), (vec!["Der Papiergarten", "Le jardin"], 1));
        assert_eq!(merged([]).title, "");
    }
}
