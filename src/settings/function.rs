//! What holds for one function: flags, environment, its own table, the defaults and what is built in, merged once. Where
//! each value came from is kept beside, for `slsbuild config` and for messages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{ImageSettings, Overrides, Settings};
use crate::binary::Strip;
use crate::error::{Error, Result};
use crate::platform::Machine;
use crate::platform::lambda::Runtime;
use crate::project::config::{Keys, Kind, Located, Place, Platform};
use crate::project::include::Wanted;
use crate::project::{Allocator, CargoOptions, Features, Function, Optimize, Panic};
use crate::target::Target;

/// How often an event is run in training, unless the user says it.
pub const PGO_REPEAT: u32 = 50;

/// What holds for one function.
#[derive(Clone, Debug)]
pub struct FunctionSettings {
    /// Who runs it.
    pub platform: Platform,
    /// The targets, without repetition, in the order asked for.
    pub targets: Vec<Target>,
    /// How its Rust code is compiled.
    pub compile: Compile,
    /// What is stripped, if the user said it.
    pub strip: Option<Strip>,
    /// What is packed beside the binary.
    pub includes: Vec<Wanted>,
    /// The layers and external extensions that it is deployed with, by name.
    pub layers: Vec<Located<String>>,
    /// The internal extensions that are packed with it, by name.
    pub extensions: Vec<Located<String>>,
    /// The user's own limits.
    pub budget: Budget,
    /// More build tags for go.
    pub go_tags: Vec<String>,
    /// More linker flags for go.
    pub go_ldflags: Option<String>,
    /// The function's own variables.
    pub environment: BTreeMap<String, String>,
    /// What its image is made of.
    pub image: ImageSettings,
    /// Where each value came from, by its key; a key that is missing is built in.
    pub origins: BTreeMap<&'static str, Origin>,
}

/// How Rust code is compiled: functions that agree share a call of cargo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compile {
    /// Cargo's profile.
    pub profile: String,
    /// Cargo's features.
    pub features: Features,
    /// The Lambda runtime that a gnu binary must run on.
    pub runtime: Runtime,
    /// The machines that it runs on.
    pub machine: Machine,
    /// What the optimizer aims at, if the user said it.
    pub optimize: Option<Optimize>,
    /// What a panic does, if the user said it.
    pub panic: Option<Panic>,
    /// The CPU to compile for, if the user said it.
    pub target_cpu: Option<String>,
    /// The allocator of static binaries.
    pub allocator: Allocator,
    /// Whether the runtime archive is linked into static binaries.
    pub runtime_archive: bool,
    /// Where the optimizer learns how the function runs, if it is to.
    pub pgo: Option<Pgo>,
}

impl Compile {
    /// What cargo is told of functions that are compiled so.
    pub fn cargo(&self, settings: &Settings) -> CargoOptions {
        CargoOptions {
            profile: self.profile.clone(),
            features: self.features.clone(),
            ..settings.cargo.clone()
        }
    }
}

/// Where the optimizer learns how the function runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pgo {
    /// From events that the function is run with first.
    Train {
        /// Files and directories of events.
        events: Vec<PathBuf>,
        /// Whether the events are one function's own, and no directory of its name is looked for.
        own: bool,
        /// How often each is run.
        repeat: u32,
        /// Variables of the function's environment, as `KEY=VALUE`.
        environment: Vec<String>,
        /// Where the profile is kept, if the user wants it.
        out: Option<PathBuf>,
    },
    /// From a profile that was made before.
    Use(PathBuf),
}

/// The user's own limits, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Of the zip.
    pub zip: Option<u64>,
    /// Of what it holds.
    pub unzipped: Option<u64>,
    /// Of an image's layers, as they are pushed.
    pub image: Option<u64>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag of this call.
    Flag,
    /// A variable of the environment.
    Environment,
    /// The function's own table.
    Function(Place),
    /// A table of defaults.
    Defaults(Place),
}

impl Origin {
    /// The line of a file, if it is one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Function(place) | Self::Defaults(place) => Some(place),
            Self::Flag | Self::Environment => None,
        }
    }
}

/// A table of the configuration, as a layer of the merge.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// What it says.
    pub keys: &'a Keys,
    /// What its paths are relative to.
    pub directory: &'a Path,
    /// Whether it is the function's own table.
    pub own: bool,
}

impl FunctionSettings {
    /// Merges what flags and environment say with the tables that hold for a function, the strongest first. Of defaults,
    /// only the keys that are for such a function hold.
    ///
    /// # Errors
    /// For a value that a file says and that cannot be meant.
    pub fn merge(overrides: &Overrides, layers: &[Layer<'_>], function: &Function) -> Result<Self> {
        let held: Vec<Keys> = layers.iter().map(|layer| layer.held(function)).collect();
        let layers: Vec<Layer<'_>> = layers
            .iter()
            .zip(&held)
            .map(|(layer, keys)| Layer { keys, ..*layer })
            .collect();
        Self::of(Merge {
            overrides,
            layers: &layers,
            packs: function.kind != Kind::Layer && !function.internal,
            origins: BTreeMap::new(),
        })
    }

    fn of(mut merge: Merge<'_>) -> Result<Self> {
        let overrides = merge.overrides;
        let platform = merge
            .pick("platform", overrides.image.platform.as_ref(), |keys| {
                &keys.platform
            })
            .unwrap_or(overrides.usual_platform);
        Ok(Self {
            platform,
            targets: merge.targets(platform),
            compile: Compile {
                profile: merge
                    .pick("profile", overrides.profile.as_ref(), |keys| &keys.profile)
                    .unwrap_or_else(|| "release".to_owned()),
                features: merge.features(),
                runtime: merge.runtime()?,
                optimize: merge.pick("optimize", overrides.optimize.as_ref(), |k| &k.optimize),
                panic: merge.pick("panic", overrides.panic.as_ref(), |keys| &keys.panic),
                target_cpu: merge.pick("target-cpu", overrides.target_cpu.as_ref(), |keys| {
                    &keys.target_cpu
                }),
                allocator: merge
                    .pick("allocator", overrides.allocator.as_ref(), |keys| {
                        &keys.allocator
                    })
                    .unwrap_or(Allocator::Dlmalloc),
                runtime_archive: merge
                    .pick(
                        "runtime-archive",
                        overrides.runtime_archive.as_ref(),
                        |keys| &keys.runtime_archive,
                    )
                    .unwrap_or(true),
                pgo: merge.pgo(),
                machine: Machine::of(platform),
            },
            strip: merge.pick("strip", overrides.strip.as_ref(), |keys| &keys.strip),
            includes: merge.includes(),
            layers: merge
                .pick("layers", None, |keys| &keys.layers)
                .unwrap_or_default(),
            extensions: merge
                .pick("extensions", None, |keys| &keys.extensions)
                .unwrap_or_default(),
            budget: Budget {
                zip: merge.pick("budget.zip", None, |keys| &keys.budget_zip),
                unzipped: merge.pick("budget.unzipped", None, |keys| &keys.budget_unzipped),
                image: merge.pick("budget.image", None, |keys| &keys.budget_image),
            },
            go_tags: merge
                .pick("tags", overrides.tags.as_ref(), |keys| &keys.tags)
                .unwrap_or_default(),
            go_ldflags: merge.pick("ldflags", overrides.ldflags.as_ref(), |keys| &keys.ldflags),
            environment: merge
                .pick("env", None, |keys| &keys.env)
                .unwrap_or_default(),
            image: merge.image(),
            origins: merge.origins,
        })
    }

    /// An error about the value of `key`, which names the line of the file where a file says it.
    pub fn blame(&self, key: &str, error: Error) -> Error {
        at(self.origins.get(key), error)
    }
}

/// An error about a value that came from `origin`.
fn at(origin: Option<&Origin>, error: Error) -> Error {
    match (error, origin.and_then(Origin::place)) {
        (
            Error::Usage { message, hint }
            | Error::Project { message, hint }
            | Error::Rejected { message, hint },
            Some(place),
        ) => Error::Config {
            place: place.to_string(),
            message,
            hint,
        },
        (error, _) => error,
    }
}

impl Layer<'_> {
    /// What holds for a function of what it says: all of the function's own table, which was read for it.
    fn held(&self, function: &Function) -> Keys {
        if self.own {
            self.keys.clone()
        } else {
            self.keys.fitting(function)
        }
    }

    fn origin(&self, place: &Place) -> Origin {
        if self.own {
            Origin::Function(place.clone())
        } else {
            Origin::Defaults(place.clone())
        }
    }
}

/// The merge of one function's settings.
struct Merge<'a> {
    overrides: &'a Overrides,
    layers: &'a [Layer<'a>],
    /// Whether `--include` is for it. A layer is made of its own includes, and an internal extension packs none.
    packs: bool,
    origins: BTreeMap<&'static str, Origin>,
}

impl<'a> Merge<'a> {
    /// The strongest value of a key.
    fn pick<T: Clone + 'a>(
        &mut self,
        key: &'static str,
        overriding: Option<&T>,
        of: impl Fn(&'a Keys) -> &'a Option<Located<T>>,
    ) -> Option<T> {
        if let Some(value) = overriding {
            self.origins.insert(key, self.overrides.origin(key));
            return Some(value.clone());
        }
        let mut said = self.layers.iter();
        let (layer, located) = said.find_map(|layer| Some((layer, of(layer.keys).as_ref()?)))?;
        self.origins.insert(key, layer.origin(&located.place));
        Some(located.value.clone())
    }

    fn targets(&mut self, platform: Platform) -> Vec<Target> {
        if !self.overrides.targets.is_empty() {
            self.origins.insert("arch", self.overrides.origin("arch"));
            return self.overrides.targets.clone();
        }
        let arches = self.pick("arch", None, |keys| &keys.arch);
        let mut targets: Vec<Target> = Vec::new();
        for arch in arches.unwrap_or_else(|| platform.facts().default_arches.to_vec()) {
            let target = Target::musl(arch);
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    /// What flags say of variables, labels and annotations goes over what files say, key by key.
    fn image(&mut self) -> ImageSettings {
        let over = &self.overrides.image.image;
        let mut image = ImageSettings {
            base: self.pick("image.base", over.base.as_ref(), |k| &k.image.base),
            compression: self.pick("image.compression", over.compression.as_ref(), |k| {
                &k.image.compression
            }),
            user: self.pick("image.user", over.user.as_ref(), |k| &k.image.user),
            workdir: self.pick("image.workdir", over.workdir.as_ref(), |k| &k.image.workdir),
            ports: self.list("image.port", &over.ports, |k| &k.image.port),
            entrypoint: self.list("image.entrypoint", &over.entrypoint, |k| {
                &k.image.entrypoint
            }),
            cmd: self.list("image.cmd", &over.cmd, |k| &k.image.cmd),
            tags: self.list("image.tag", &over.tags, |k| &k.image.tag),
            env: self.pick("env", None, |k| &k.env).unwrap_or_default(),
            labels: self
                .pick("image.label", None, |k| &k.image.label)
                .unwrap_or_default(),
            annotations: self
                .pick("image.annotation", None, |k| &k.image.annotation)
                .unwrap_or_default(),
            allow: self.list("image.allow", &[], |k| &k.image.allow),
        };
        image.env.extend(over.env.clone());
        image.labels.extend(over.labels.clone());
        image.annotations.extend(over.annotations.clone());
        image.allow.extend(over.allow.clone());
        image
    }

    /// The strongest value of a key that is a list; empty where nothing is said.
    fn list<T: Clone + 'a>(
        &mut self,
        key: &'static str,
        overriding: &[T],
        of: impl Fn(&'a Keys) -> &'a Option<Located<Vec<T>>>,
    ) -> Vec<T> {
        let overriding = Some(overriding.to_vec()).filter(|list| !list.is_empty());
        self.pick(key, overriding.as_ref(), of).unwrap_or_default()
    }

    fn features(&mut self) -> Features {
        let given = &self.overrides.features;
        let names = Some(&given.names).filter(|names| !names.is_empty());
        let set = |given: bool| given.then_some(&true);
        let names = self.pick("features", names, |keys| &keys.features);
        // A set to cargo: functions whose lists are only written in another way are compiled alike.
        let names: BTreeSet<String> = names.into_iter().flatten().collect();
        Features {
            names: names.into_iter().collect(),
            all: self
                .pick("all-features", set(given.all), |keys| &keys.all_features)
                .unwrap_or_default(),
            no_default: self
                .pick("no-default-features", set(given.no_default), |keys| {
                    &keys.no_default_features
                })
                .unwrap_or_default(),
        }
    }

    fn runtime(&mut self) -> Result<Runtime> {
        let name = self.pick("runtime", self.overrides.runtime.as_ref(), |keys| {
            &keys.runtime
        });
        let Some(name) = name else {
            return Ok(Runtime::default());
        };
        Runtime::parse(&name).map_err(|error| at(self.origins.get("runtime"), error))
    }

    fn includes(&mut self) -> Vec<Wanted> {
        if self.packs && !self.overrides.includes.is_empty() {
            self.origins.insert("include", Origin::Flag);
            let given = self.overrides.includes.iter();
            return given.map(|text| Wanted::of_flag(text)).collect();
        }
        let listed = self.pick("include", None, |keys| &keys.include);
        let listed = listed.unwrap_or_default().into_iter();
        listed
            .map(|Located { value, place }| Wanted {
                include: value,
                place: Some(place),
            })
            .collect()
    }

    fn pgo(&mut self) -> Option<Pgo> {
        if let Some(pgo) = &self.overrides.pgo {
            let (key, repeat) = match pgo {
                Pgo::Train { repeat, .. } => ("pgo.events", Some(*repeat)),
                Pgo::Use(_) => ("pgo.profile", None),
            };
            self.origins.insert(key, Origin::Flag);
            if repeat.is_some_and(|repeat| repeat != PGO_REPEAT) {
                self.origins.insert("pgo.repeat", Origin::Flag);
            }
            return Some(pgo.clone());
        }
        let layer = self
            .layers
            .iter()
            .find(|layer| layer.keys.pgo_events.is_some() || layer.keys.pgo_profile.is_some())?;
        let repeat = self.pick("pgo.repeat", None, |keys| &keys.pgo_repeat);
        let keys = layer.keys;
        if let Some(profile) = &keys.pgo_profile {
            self.origins
                .insert("pgo.profile", layer.origin(&profile.place));
            return Some(Pgo::Use(layer.directory.join(&profile.value)));
        }
        let events = keys.pgo_events.as_ref()?;
        self.origins
            .insert("pgo.events", layer.origin(&events.place));
        Some(Pgo::Train {
            events: events
                .value
                .iter()
                .map(|path| layer.directory.join(path))
                .collect(),
            own: layer.own,
            repeat: repeat.unwrap_or(PGO_REPEAT),
            environment: Vec::new(),
            out: None,
        })
    }
}
