# ONNXTUNE_ONEDNN
# ---------------
# --with-onednn[=DIR|no]. Looks for the header oneapi/dnnl/dnnl.h and for dnnl_version in libdnnl:
# distributions give no pkg-config file. DIR holds include/ and lib/ (or lib64/, or the multiarch
# folder); a library without its .so link, as Python wheels bring it, is taken by its path. Any
# version from 2.0 on will do. Sets onednn (the version, or no), ONEDNN_CPPFLAGS, ONEDNN_LIBS, and
# defines HAVE_ONEDNN.
AC_DEFUN([ONNXTUNE_ONEDNN], [
AC_ARG_WITH([onednn],
	[AS_HELP_STRING([--with-onednn=DIR],
		[oneDNN in DIR, or no: plain C kernels only @<:@found where it is installed@:>@])],
	[], [with_onednn=auto])
onednn=no ONEDNN_CPPFLAGS= ONEDNN_LIBS=
AS_CASE([$with_onednn],
	[no], [],
	[yes|auto], [onednn_candidates=-ldnnl],
	[with_onednn=`cd "$with_onednn" && pwd` || AC_MSG_ERROR([--with-onednn: no such folder])
	 ONEDNN_CPPFLAGS="-I$with_onednn/include"
	 onednn_candidates=
	 for dir in lib lib64 "lib/`$CC -print-multiarch 2>/dev/null`"; do
		for name in libdnnl.so libdnnl.so.3 libdnnl.so.2; do
			AS_IF([test -f "$with_onednn/$dir/$name"],
				[onednn_candidates="$onednn_candidates $with_onednn/$dir/$name"])
		done
	 done])
AS_IF([test "x$with_onednn" != xno], [
	onednn_save_CPPFLAGS=$CPPFLAGS onednn_save_LIBS=$LIBS
	CPPFLAGS="$CPPFLAGS $ONEDNN_CPPFLAGS"
	AC_MSG_CHECKING([for oneDNN])
	for candidate in $onednn_candidates; do
		AS_CASE([$candidate],
			[/*], [ONEDNN_LIBS="$candidate -Wl,-rpath,`dirname "$candidate"`"],
			[ONEDNN_LIBS=$candidate])
		LIBS="$ONEDNN_LIBS $onednn_save_LIBS"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#include <oneapi/dnnl/dnnl.h>
#if DNNL_VERSION_MAJOR < 2
#error too old
#endif
]], [[return dnnl_version()->major != DNNL_VERSION_MAJOR;]])], [onednn=found; break])
	done
	AS_IF([test $onednn = found], [
		AC_COMPUTE_INT([onednn_major], [DNNL_VERSION_MAJOR], [#include <oneapi/dnnl/dnnl.h>])
		AC_COMPUTE_INT([onednn_minor], [DNNL_VERSION_MINOR], [#include <oneapi/dnnl/dnnl.h>])
		AC_COMPUTE_INT([onednn_patch], [DNNL_VERSION_PATCH], [#include <oneapi/dnnl/dnnl.h>])
		onednn=$onednn_major.$onednn_minor.$onednn_patch
		AC_DEFINE([HAVE_ONEDNN], [1], [oneDNN is there])
	], [ONEDNN_CPPFLAGS= ONEDNN_LIBS=])
	AC_MSG_RESULT([$onednn])
	CPPFLAGS=$onednn_save_CPPFLAGS LIBS=$onednn_save_LIBS
	AS_IF([test $onednn = no && test "x$with_onednn" != xauto],
		[AC_MSG_ERROR([oneDNN was asked for (--with-onednn=$with_onednn) but can't be used: see config.log])])
])
AC_SUBST([ONEDNN_CPPFLAGS])
AC_SUBST([ONEDNN_LIBS])
])
