// Devices as the runtime shows them.

#include <cstdio>
#include <cstring>

#include "support/cudart_emulator/call.hpp"
#include "support/cudart_emulator/device_attributes.hpp"

using emulator::call;
using emulator::call_elsewhere;
using emulator::Process;
using emulator::refuse_if;
using Lock = emulator::Streams::Lock;

extern "C" {

cudaError_t CUDARTAPI cudaGetDeviceCount(int* count) {
    return call(__func__, [&](Process& process, Lock&) {
        refuse_if(count == nullptr, cudaErrorInvalidValue);
        *count = process.devices.count();
    });
}

cudaError_t CUDARTAPI cudaGetDevice(int* device) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(device == nullptr, cudaErrorInvalidValue);
        *device = process.current_ordinal();
    });
}

// Makes the device's context, as since CUDA 12.
cudaError_t CUDARTAPI cudaSetDevice(int device) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        process.make_current(device);
        process.use(process.current_gpu());
        process.refuse_broken(process.current_gpu());
    });
}

cudaError_t CUDARTAPI cudaInitDevice(int device, unsigned /*device_flags*/, unsigned /*flags*/) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        process.use(process.devices.gpu(device));
        process.refuse_broken(process.devices.gpu(device));
    });
}

cudaError_t CUDARTAPI cudaGetDeviceFlags(unsigned* flags) {
    return call(__func__, [&](Process&, Lock&) {
        refuse_if(flags == nullptr, cudaErrorInvalidValue);
        *flags = cudaDeviceScheduleAuto | cudaDeviceMapHost;
    });
}

cudaError_t CUDARTAPI cudaSetDeviceFlags(unsigned flags) {
    return call(__func__, [&](Process&, Lock&) { refuse_if((flags & ~cudaDeviceMask) != 0, cudaErrorInvalidValue); });
}

cudaError_t CUDARTAPI cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(properties == nullptr, cudaErrorInvalidValue);
        *properties = emulator::device_properties(process, process.devices.gpu(device));
    });
}

cudaError_t CUDARTAPI cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        const std::uint32_t gpu = process.devices.gpu(device);
        refuse_if(value == nullptr, cudaErrorInvalidValue);
        *value = emulator::device_attribute(process, gpu, attribute);
    });
}

cudaError_t CUDARTAPI cudaDeviceGetPCIBusId(char* text, int length, int device) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        const std::string id = emulator::Devices::pci_bus_id(process.devices.gpu(device));
        refuse_if(text == nullptr || length <= static_cast<int>(id.size()), cudaErrorInvalidValue);
        std::strcpy(text, id.c_str());
    });
}

cudaError_t CUDARTAPI cudaDeviceGetByPCIBusId(int* device, const char* text) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(device == nullptr || text == nullptr, cudaErrorInvalidValue);
        for (int ordinal = 0; ordinal < process.devices.count(); ++ordinal) {
            if (emulator::Devices::pci_bus_id(process.devices.gpu(ordinal)) == text) {
                *device = ordinal;
                return;
            }
        }
        emulator::refuse(cudaErrorInvalidDevice);
    });
}

cudaError_t CUDARTAPI cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
    return call(__func__, [&](Process&, Lock&) {
        if (least != nullptr) {
            *least = 0;
        }
        if (greatest != nullptr) {
            *greatest = -5;
        }
    });
}

cudaError_t CUDARTAPI cudaMemGetInfo(size_t* free, size_t* total) {
    return call(__func__, [&](Process& process, Lock&) {
        refuse_if(free == nullptr || total == nullptr, cudaErrorInvalidValue);
        process.use(process.current_gpu());
        *free = process.memory.free_bytes(process.current_gpu());
        *total = process.control.layout().memory_bytes;
    });
}

cudaError_t CUDARTAPI cudaDeviceSynchronize() {
    return call(__func__, [&](Process& process, Lock& lock) {
        process.use(process.current_gpu());
        process.streams.refuse_capture_on(process.current_gpu());
        process.streams.synchronise(process.current_gpu(), lock);
    });
}

cudaError_t CUDARTAPI cudaDeviceReset() {
    return call(__func__, [&](Process& process, Lock& lock) {
        const std::uint32_t gpu = process.current_gpu();
        process.streams.synchronise(gpu, lock);
        process.reset(gpu);
    });
}

cudaError_t CUDARTAPI cudaDriverGetVersion(int* version) {
    return emulator::call_without_driver(__func__, [&] {
        refuse_if(version == nullptr, cudaErrorInvalidValue);
        const emulator::Settings& settings = emulator::Surroundings::get().settings;
        *version = settings.driver == emulator::Settings::Driver::missing ? 0 : settings.driver_version;
    });
}

cudaError_t CUDARTAPI cudaRuntimeGetVersion(int* version) {
    return emulator::call_without_driver(__func__, [&] {
        refuse_if(version == nullptr, cudaErrorInvalidValue);
        *version = CUDART_VERSION;
    });
}

}  // extern "C"
