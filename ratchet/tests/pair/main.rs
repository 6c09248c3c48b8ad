//! Two sides talking: schedules, secrecy, devices, the Olm suite beside vodozemac.

#[cfg(test)]
mod devices;
#[cfg(test)]
mod olm;
#[cfg(test)]
#[path = "../../src/recorded.rs"]
mod recorded;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod sides;
#[cfg(test)]
mod sizes;
