################################################################################
#
# libsigverify
#
################################################################################

# The source tree that this file lies in. For a product: a release archive, and its hash beside this file.
LIBSIGVERIFY_VERSION = 0.1.0
LIBSIGVERIFY_SITE = $(realpath $(BR2_EXTERNAL_SIGVERIFY_PATH)/../../..)
LIBSIGVERIFY_SITE_METHOD = local
LIBSIGVERIFY_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = --exclude .venv --exclude .git
LIBSIGVERIFY_SUBDIR = firmware_bridge/libsigverify
LIBSIGVERIFY_LICENSE = Apache-2.0
LIBSIGVERIFY_LICENSE_FILES = LICENSE
LIBSIGVERIFY_INSTALL_STAGING = YES

define LIBSIGVERIFY_INSTALL_MODEL
	$(INSTALL) -D -m 0644 $(@D)/sigverify/models/base.sigmodel $(TARGET_DIR)/usr/share/sigverify/base.sigmodel
endef
LIBSIGVERIFY_POST_INSTALL_TARGET_HOOKS += LIBSIGVERIFY_INSTALL_MODEL

$(eval $(cmake-package))
