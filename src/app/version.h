/* version.h - the one place that knows the version. */
#ifndef SMTPSCOPE_APP_VERSION_H
#define SMTPSCOPE_APP_VERSION_H

#define SMTPSCOPE_VERSION "0.1.0"
#define SMTPSCOPE_ECS_VERSION "8.11.0"

#endif
