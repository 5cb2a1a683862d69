"""`config.settings.base` runs the product, `config.settings.test` the tests."""
