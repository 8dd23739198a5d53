"""The commands of `leansieve`, one file each; `service.cli.training` has those of training."""
