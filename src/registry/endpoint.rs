//! Where a registry is: the host of its API, and the addresses that it sends us to, which are not followed everywhere.

use std::net::IpAddr;

use ureq::http::Uri;

/// The host that serves Docker Hub's API.
const HUB_API: &str = "registry-1.docker.io";

/// Whether a host is Docker Hub, under any of its names.
pub(super) fn is_hub(host: &str) -> bool {
    ["docker.io", "index.docker.io", HUB_API].contains(&host)
}

/// The host, and the port if there is one, that a registry's API is at.
pub(super) fn api(host: &str) -> &str {
    if is_hub(host) { HUB_API } else { host }
}

/// The region of a registry of AWS, or `None` for others
/// (<https://docs.aws.amazon.com/general/latest/gr/ecr.html>, 2026-11).
pub(super) fn ecr_region(host: &str) -> Option<&str> {
    let (account, rest) = host.split_once('.')?;
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest = rest
        .strip_prefix("dkr.ecr.")
        .or_else(|| rest.strip_prefix("dkr.ecr-fips."))
        .or_else(|| rest.strip_prefix("dkr-ecr."))?;
    rest.split_once('.').map(|(region, _)| region)
}

/// Whom a request goes to: what has another origin gets no credentials of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of an address that names a scheme and a host.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        Some(Self {
            host: uri.host()?.to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(usual),
            scheme,
        })
    }

    fn is_secure(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether this is an address of this machine or of a network behind it, written as a number or as `localhost`.
    fn is_inside(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => {
                address.is_loopback() || address.is_private() || address.is_link_local()
            }
            Ok(IpAddr::V6(address)) => {
                address.is_loopback()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
                    || address
                        .to_ipv4_mapped()
                        .is_some_and(|v4| v4.is_loopback() || v4.is_private() || v4.is_link_local())
            }
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        }
    }

    /// Refuses an address that a registry must not send us to: without TLS from one with TLS, and into a network from
    /// outside of it.
    pub(super) fn check_way_to(&self, to: &Self) -> Result<(), String> {
        if self.is_secure() && !to.is_secure() {
            return Err(format!("leads from https to http, at `{}`", to.host));
        }
        if !self.is_inside() && to.is_inside() {
            return Err(format!("leads into a private network, at `{}`", to.host));
        }
        Ok(())
    }
}

/// What `location` means, said in the answer to a request of `base`
/// (<https://www.rfc-editor.org/rfc/rfc3986#section-5.2>). Its query is kept as it is.
pub(super) fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.trim();
    let location = location.split_once('#').map_or(location, |(uri, _)| uri);
    let scheme = base.scheme_str()?;
    let authority = base.authority()?;
    let lower = location.get(..8).unwrap_or(location).to_ascii_lowercase();
    let whole = if lower.starts_with("http://") || lower.starts_with("https://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.is_empty() || location.contains("://") {
        return None;
    } else {
        let directory = base
            .path()
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory);
        let path = match location.strip_prefix('?') {
            Some(_) => base.path().to_owned(),
            None => format!("{directory}/"),
        };
        format!("{scheme}://{authority}{path}{location}")
    };
    let uri: Uri = whole.parse().ok()?;
    let authority = uri.authority()?.as_str();
    // A name and a password in an address are for people, and nobody sends them here in good faith.
    (!authority.contains('@') && Origin::of(&uri).is_some()).then(|| upgraded(base, uri))
}

/// A registry behind a proxy that ends TLS may not know that it is reached by https: it is asked as it was before.
fn upgraded(base: &Uri, uri: Uri) -> Uri {
    let is_same_host = base.authority() == uri.authority();
    if is_same_host && base.scheme_str() == Some("https") && uri.scheme_str() == Some("http") {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let secure = format!(
            "https://{}{path}",
            uri.authority().map_or("", |a| a.as_str())
        );
        return secure.parse().unwrap_or(uri);
    }
    uri
}

/// An address with one more parameter, whose value is encoded.
pub(super) fn with_parameter(uri: &str, name: &str, value: &str) -> String {
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, query)) if query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{name}={}", encoded(value))
}

/// A value as it stands in a query or a form.
pub(super) fn encoded(value: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn locations_of_every_form_are_resolved_and_keep_their_query() {
        let base = uri("https://r.io:5000/v2/a/blobs/uploads/?mount=x");
        let resolved = |location: &str| {
            resolve(&base, location).map_or_else(|| "none".to_owned(), |uri| uri.to_string())
        };
        insta::assert_snapshot!(
            [
                "/v2/a/blobs/uploads/1?_state=a%2Fb&x=",
                "https://other.io/upload/1?sig=%3D",
                "//cdn.io/1",
                "1?x=y",
                "?x=y",
                "http://r.io:5000/v2/1?q",
                "http://other.io/1",
                "/v2/1#fragment",
                "",
                "ftp://other.io/1",
                "https://user:pw@other.io/1",
                "https://",
                "/a b",
            ].map(resolved).join("\n"),
            @r"
        https://r.io:5000/v2/a/blobs/uploads/1?_state=a%2Fb&x=
        https://other.io/upload/1?sig=%3D
        https://cdn.io/1
        https://r.io:5000/v2/a/blobs/uploads/1?x=y
        https://r.io:5000/v2/a/blobs/uploads/?x=y
        https://r.io:5000/v2/1?q
        http://other.io/1
        https://r.io:5000/v2/1
        none
        none
        none
        none
        none
        "
        );
    }

    #[test]
    fn a_parameter_is_added_and_nothing_else_changed() {
        let added = |text: &str| with_parameter(text, "digest", "sha256:ab");
        assert_eq!(added("https://h/u"), "https://h/u?digest=sha256:ab");
        assert_eq!(added("https://h/u?"), "https://h/u?digest=sha256:ab");
        assert_eq!(
            added("https://h/u?s=%2F"),
            "https://h/u?s=%2F&digest=sha256:ab"
        );
        assert_eq!(encoded("a b&c"), "a%20b%26c");
    }

    #[test]
    fn ways_into_private_networks_and_out_of_tls_are_refused() {
        let way = |from: &str, to: &str| {
            let [from, to] = [from, to].map(|text| Origin::of(&uri(text)).unwrap());
            from.check_way_to(&to).is_ok()
        };
        assert!(way("https://r.io/", "https://cdn.io/"));
        assert!(way("http://127.0.0.1:1/", "http://127.0.0.1:2/"));
        assert!(way("http://127.0.0.1:1/", "https://cdn.io/"));
        assert!(!way("https://r.io/", "http://r.io/"));
        assert!(!way("https://r.io/", "https://169.254.169.254/"));
        assert!(!way("https://r.io/", "https://[::1]/"));
        assert!(!way("https://r.io/", "https://[::ffff:10.0.0.1]/"));
        assert!(!way("https://r.io/", "https://localhost:1/"));
    }

    #[test]
    fn the_same_origin_is_told_from_others() {
        let same = |a: &str, b: &str| Origin::of(&uri(a)) == Origin::of(&uri(b));
        assert!(same("https://R.io/a", "https://r.io:443/b"));
        assert!(!same("https://r.io/", "http://r.io/"));
        assert!(!same("https://r.io/", "https://r.io:444/"));
        assert!(!same("https://r.io/", "https://r.io.evil.io/"));
    }

    #[test]
    fn registries_of_aws_are_known() {
        assert_eq!(
            ecr_region("123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
            Some("eu-west-1")
        );
        assert_eq!(
            ecr_region("123456789012.dkr-ecr.us-east-1.on.aws"),
            Some("us-east-1")
        );
        assert_eq!(ecr_region("public.ecr.aws"), None);
        assert_eq!(ecr_region("ghcr.io"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_location_is_too_odd(location in ".*") {
            resolve(&uri("https://r.io/v2/a/"), &location);
        }
    }
}
