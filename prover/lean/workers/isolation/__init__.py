"""Work that is kept from the shared workers: isolated checks, quarantine, elaborators of one client."""
