"""Where a version comes from, in the forms that other tools read: in-toto, OpenLineage, RO-Crate."""
