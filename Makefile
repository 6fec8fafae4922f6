# smtpscope. `make help` lists the targets.
