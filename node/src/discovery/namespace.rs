//! Names that peers are registered under at points of rendezvous.

use crate::delivery::Capability;

/// The services that are registered, and the last part of their names.
pub(crate) const SERVICES: [(Capability, &str); 5] = [
    (Capability::Relay, "relay"),
    (Capability::Store, "store"),
    (Capability::Filter, "filter"),
    (Capability::LightPush, "lightpush"),
    (Capability::Mix, "mix"),
];

/// Where those register that offer a service, as LIP 179 has it; none for what is not registered.
pub(crate) fn namespace(cluster: u16, capability: Capability) -> Option<String> {
    let (_, name) = SERVICES.into_iter().find(|(each, _)| *each == capability)?;
    Some(format!("rs/{cluster}/{name}"))
}

/// Which service a name of a cluster is for.
#[cfg(any(test, feature = "rendezvous"))]
pub(crate) fn service(cluster: u16, namespace: &str) -> Option<Capability> {
    let name = namespace.strip_prefix("rs/")?.strip_prefix(&cluster.to_string())?;
    let name = name.strip_prefix('/')?;
    SERVICES.into_iter().find(|(_, each)| *each == name).map(|(capability, _)| capability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let store = namespace(1, Capability::Store).unwrap();
        assert_eq!(store, "rs/1/store");
        assert_eq!(service(1, &store), Some(Capability::Store));
        assert_eq!(service(2, &store), None);
        assert_eq!(service(1, "rs/1/mix"), Some(Capability::Mix));
        assert_eq!(service(1, "rs/1/0/store"), None);
        assert_eq!(namespace(1, Capability::Metadata), None);
    }
}
