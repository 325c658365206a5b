//! What is asked of a provider beside chats, each at a path of its own. The paths and shapes are OpenAI's, which compatible
//! servers share; `/rerank` is Cohere's and Jina's.

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// A text goes on: what there was before chats.
    Completions,
    Embeddings,
    /// Whether a text or image may be shown.
    Moderations,
    /// Which documents answer a query best.
    Rerank,
    Images,
    /// Images made of other images.
    ImageEdits,
    /// Text is read out.
    Speech,
    /// Speech is written down.
    Transcriptions,
    /// Speech is written down in English.
    Translations,
}

impl Service {
    pub const ALL: [Service; 9] = [
        Service::Completions,
        Service::Embeddings,
        Service::Moderations,
        Service::Rerank,
        Service::Images,
        Service::ImageEdits,
        Service::Speech,
        Service::Transcriptions,
        Service::Translations,
    ];

    /// Where callers ask for it, as keys are allowed it and logs name it.
    pub fn endpoint(self) -> &'static str {
        match self {
            Service::Completions => "/v1/completions",
            Service::Embeddings => "/v1/embeddings",
            Service::Moderations => "/v1/moderations",
            Service::Rerank => "/v1/rerank",
            Service::Images => "/v1/images/generations",
            Service::ImageEdits => "/v1/images/edits",
            Service::Speech => "/v1/audio/speech",
            Service::Transcriptions => "/v1/audio/transcriptions",
            Service::Translations => "/v1/audio/translations",
        }
    }

    /// The same below the base URL of a provider, which ends in the version.
    pub fn path(self) -> &'static str {
        self.endpoint().strip_prefix("/v1").unwrap_or_default()
    }

    /// Whether it is about pictures or sounds.
    pub fn is_of_media(self) -> bool {
        matches!(self, Service::Images | Service::Speech) || self.takes_files()
    }

    /// Whether it takes files: then its body is a form, and may be long.
    pub fn takes_files(self) -> bool {
        matches!(self, Service::ImageEdits | Service::Transcriptions | Service::Translations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_asked_for_at_the_same_path_here_and_there() {
        for service in Service::ALL {
            assert_eq!(service.endpoint(), format!("/v1{}", service.path()));
        }
    }
}
